"""The commands of ``dst-bench``: one module each, whose ``main`` takes the parsed arguments and returns the status."""
