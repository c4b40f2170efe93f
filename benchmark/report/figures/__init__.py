"""The figures of reports, one module each, and how all of them look."""
