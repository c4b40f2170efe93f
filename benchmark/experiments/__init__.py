"""What is asked, and what came of it: experiments, their runs and results; the built-in ones are in ``paper/``."""
