"""Reports: tables, figures and one page, all made from stored results.

A report is made of sections, one module each, which are listed in :mod:`benchmark.report.sections`.
"""
