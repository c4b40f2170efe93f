"""The arithmetic of the sparse engine in compiled code: one module for each kind of layer, on vectors of 16 numbers."""
