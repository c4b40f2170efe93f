"""The arithmetic of the sparse engine in compiled code, on vectors of 16 numbers.

Layers are `linear`, `convolution` (`narrow` has gradients of narrow images), `pooling`, `normalisation`, `dropout`,
`biases` and `losses`. They are made of `vectors`: `tiles` and `loops` over them, `image_rows`, `maxima`, `squares`, and
`pixels`, which says where they are.
"""
