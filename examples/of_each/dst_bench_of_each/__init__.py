"""One rule of each kind, installed by entry points alone."""
