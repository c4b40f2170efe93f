"""Pruning criteria: one module each, found by the entry-point group ``dst_bench.criteria``."""
