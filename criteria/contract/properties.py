"""The list of properties: what is judged, on which cases, and what is promised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from criteria.api import Criterion, Growth
from criteria.contract import selection_properties as selection
from criteria.contract import training_properties as training
from criteria.contract.asking import Plugin
from criteria.contract.case import Case
from criteria.contract.strategies import any_cases, cases, distinct_cases, tied_cases


@dataclass(frozen=True)
class Property:
    """One property of selections: the function that judges a case, and the cases to try."""

    judge: Callable[[Any, Case], None]
    cases: Callable[[Plugin], st.SearchStrategy[Case]] = cases
    of: tuple[type, ...] = (Criterion, Growth)
    wide: bool = False
    """Whether it is tried in the end on a layer that PyTorch divides among threads."""
    cost: int = 1
    """About how many times as much as others one of its cases costs."""

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.judge.__name__

    @property
    def promise(self) -> str:
        """The first line of the function's docstring."""
        return (self.judge.__doc__ or "").splitlines()[0]


SELECTION = (
    Property(selection.score_shape),
    Property(selection.no_nan),
    Property(selection.exact_count, wide=True),
    Property(selection.active_only, of=(Criterion,)),
    Property(selection.candidates_only, of=(Growth,)),
    Property(selection.pure),
    Property(selection.deterministic, any_cases, wide=True),
    Property(selection.blind_to_inactive, of=(Criterion,)),
    Property(selection.permutation_equivariant, distinct_cases),
    Property(selection.unbiased_ties, tied_cases, cost=10),
    Property(selection.dtype_stable, distinct_cases),
    Property(selection.device_stable),
    Property(selection.state_roundtrip, of=(Criterion,)),
)
"""The properties of selections, in the order in which they are judged: a fault shows first where it lies."""

DEGENERATE = "degenerate_layers"

PROMISES: dict[str, str] = {
    **{each.name: each.promise for each in SELECTION},
    **training.PROMISES,
    DEGENERATE: "All of this holds for dense layers, layers with one active weight, and layers with one weight.",
}
"""What each property promises, by name, in the order of reports."""
