"""Seeds of the global generators that a plugin may draw from without saying so."""

import random


def seed_numpy_and_python(seed: int) -> None:
    """Seed the global generators of numpy, which takes 32 bits, and of Python."""
    import numpy as np

    np.random.seed(seed % 2**32)
    random.seed(seed)
