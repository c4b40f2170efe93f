"""The arithmetic of the sparse engine in compiled code, on vectors of 16 numbers.

Layers are `linear`, `convolution` (`narrow` has gradients of narrow images, `filtering` those that are nearly full),
`pooling`, `normalisation`, `dropout`, `biases` and `losses`. They are made of `vectors`: `tiles` and `loops` over them,
`image_rows`, `points`, `maxima`, `squares`, and `pixels`, which says where they are.
"""
