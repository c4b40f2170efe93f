"""The momentum of weights that are inactive, made when they grow: from what is kept of the last steps."""
