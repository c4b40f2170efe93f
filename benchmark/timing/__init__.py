"""The bench: how fast the parts of the project are, each compared with a rival that is timed beside it.

A comparison is a ratio of two times that were measured in turn in one process, so a slow or busy machine changes
both. Nothing here passes or fails.
"""

PARTS = ("training", "topology", "own_loop", "contract", "startup")
"""Each is a module of this package whose function ``comparisons(device, data_dir)`` gives its lines of the table."""
