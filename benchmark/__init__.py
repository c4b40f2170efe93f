"""The benchmark: experiment → grid → training → results → check → report.

Nothing is imported here, so that ``dst-bench --help`` answers at once.
"""
