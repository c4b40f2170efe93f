"""What is measured of a training beside its accuracy: which weights were active, what it cost, what criteria share."""
