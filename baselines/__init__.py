"""What a criterion is compared with: one module per baseline, found by entry point (``dst_bench.baselines``)."""

from baselines.api import Baseline

__all__ = ["Baseline"]
