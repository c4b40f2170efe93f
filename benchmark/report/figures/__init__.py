"""The figures of reports, one module each, and how all of them look."""

import os

# Figures are drawn into files. A user's MPLBACKEND is for windows, and matplotlib cannot be imported with a wrong one.
os.environ["MPLBACKEND"] = "agg"
