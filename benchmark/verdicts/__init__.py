"""What results mean: the check against expected values, contrasts, the paper's claims, and their statistics."""
