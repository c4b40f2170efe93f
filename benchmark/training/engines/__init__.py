"""What computes trainings: engines by name, behind the seam of :mod:`benchmark.training.engines.engine`."""

from benchmark.training.engines.dense import DENSE
from benchmark.training.engines.engine import EngineKind
from benchmark.training.engines.sparse import SPARSE
from criteria.plugins import unknown

ENGINES: dict[str, EngineKind] = {kind.name: kind for kind in (DENSE, SPARSE)}
"""Every engine by name; a new one is an entry here."""


def engine_named(name: str) -> EngineKind:
    """The engine of that name; raises :class:`InputError` where there is none."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    return ENGINES[name]
