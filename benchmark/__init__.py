"""The benchmark: experiment → runs → training → results → verdicts → report.

Nothing is imported here, so that ``dst-bench --help`` answers at once.
"""
