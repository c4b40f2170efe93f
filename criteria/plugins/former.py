"""Former names, for callers that are being rebuilt; this module goes with the last of them."""

from importlib.metadata import EntryPoint, entry_points

from criteria.plugins.kinds import KINDS
from criteria.plugins.registry import registration
from criteria.plugins.spec import Spec


def parse(text: str) -> Spec:
    """The former name of :meth:`Spec.parse`."""
    return Spec.parse(text)


def summary(spec: str | Spec, kind: str = "criterion") -> str:
    """The summary of one plugin."""
    return registration((Spec.parse(spec) if isinstance(spec, str) else spec).name, kind).summary


def entry_points_of(kind: str) -> dict[str, EntryPoint]:
    """The entry points of a kind by name."""
    return {point.name: point for point in entry_points(group=KINDS[kind].group)}
