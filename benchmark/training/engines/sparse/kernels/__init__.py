"""The arithmetic of the sparse engine in compiled code, on vectors of 16 numbers.

Layers are `linear` (`full` where all weights are active), `convolution` (`narrow` has gradients of narrow images,
`filtering` and `filtering_back` those that are nearly full, `filtering_pooled` those of a first one that is pooled),
`pooling`, `normalisation`, `dropout`, `biases` and `losses`. They are made of `vectors`: `tiles` and `loops` over them,
`image_rows`, `points` and `points_back`, `maxima`, `squares`, and `pixels`, which says where they are.
"""
