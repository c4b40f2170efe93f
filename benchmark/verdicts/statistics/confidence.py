"""The level of every interval that is printed or drawn."""

CONFIDENCE = 0.95
