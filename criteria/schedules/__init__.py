"""Schedules of density: one module each, found by the entry-point group ``dst_bench.schedules``."""
