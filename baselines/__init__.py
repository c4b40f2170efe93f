"""What a criterion is compared with: one module per baseline, found by the entry-point group ``dst_bench.baselines``."""

from baselines.api import Baseline

__all__ = ["Baseline"]
