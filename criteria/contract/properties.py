"""The list of properties: what is judged, on which cases, and what is promised."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from criteria.api import Criterion, Growth
from criteria.contract import device, known, other_processes, purity, sameness, special, state_properties
from criteria.contract import selection_properties as selection
from criteria.contract import training_properties as training
from criteria.contract.asking import Plugin
from criteria.contract.case import Case
from criteria.contract.strategies import any_cases, cases, distinct_cases, moving_cases, stateful_cases


@dataclass(frozen=True)
class Judge:
    """A function that judges a case, and the cases to try it on."""

    function: Callable[[Any, Case], None]
    cases: Callable[[Plugin], st.SearchStrategy[Case]] | None = cases
    """Which cases are drawn; None where only special ones are tried."""
    besides: Callable[[Plugin], Iterable[Case]] = special.none
    at_once: Callable[[Plugin], Iterable[Case]] = special.none
    """Special cases that are tried in the first pass too."""
    as_trained: bool = False
    """Whether it is tried on the layers of the training that a plugin is checked for."""
    in_first_pass: bool = True
    """Whether it is quick enough, and finds something common enough, for the first pass."""
    cost: int = 1
    """About how many times as much as others one of its cases costs."""
    prepare: Callable[[], object] | None = None
    """Is called before the first case, so that what is slow at first use does not count as the plugin's time."""


@dataclass(frozen=True)
class Property:
    """One property of selections."""

    judges: tuple[Judge, ...]
    of: tuple[type, ...] = (Criterion, Growth)
    called: str = ""
    """The name, where it is not that of the first function: one judged later than others of that name."""

    @property
    def name(self) -> str:
        """The name that it is reported under."""
        return self.called or self.judges[0].function.__name__

    @property
    def check(self) -> str:
        """What it is called among the checks of a plugin."""
        return self.judges[0].function.__name__

    @property
    def promise(self) -> str:
        """The first line of the first function's docstring."""
        return (self.judges[0].function.__doc__ or self.name).splitlines()[0]  # -OO leaves no docstrings


SELECTION = (
    Property(
        (Judge(selection.score_shape, as_trained=True, besides=special.late_and_large, at_once=special.late_steps),)
    ),
    Property((Judge(selection.no_nan, as_trained=True, besides=special.late_and_large, at_once=special.late_steps),)),
    Property(
        (Judge(selection.exact_count, as_trained=True, besides=special.late_and_enormous, at_once=special.late_steps),)
    ),
    Property((Judge(selection.active_only, as_trained=True, besides=special.huge),), of=(Criterion,)),
    Property((Judge(selection.candidates_only, as_trained=True, besides=special.huge),), of=(Growth,)),
    Property(
        (
            Judge(purity.pure, as_trained=True, besides=special.watched, cost=2),
            Judge(purity.pure_however_often, None, at_once=special.few_tied, besides=special.few_tied),
            Judge(purity.pure_when_imported, None, special.few_tied),
        )
    ),
    Property(
        (
            Judge(
                *(state_properties.state_roundtrip, stateful_cases, special.saved_at),
                at_once=special.saved_soon,
                cost=4,
            ),
            Judge(state_properties.large_state_roundtrip, None, special.saved_large),
            Judge(state_properties.state_roundtrip_of_many_layers, None, special.saved_soon),
        )
    ),
    Property(
        (
            Judge(sameness.deterministic, any_cases, special.large, special.few_tied, cost=4),
            Judge(sameness.same_after_other_questions, any_cases, special.large, cost=2),
            Judge(sameness.same_however_shown, moving_cases, special.large, as_trained=True, cost=2),
            Judge(other_processes.same_in_another_process, None, special.few_tied),
            Judge(other_processes.same_with_other_hashes, None, special.few_tied),
            Judge(sameness.same_in_large_layers, None, special.million_tied),
            Judge(sameness.same_however_often, None, at_once=special.few_tied, besides=special.few_tied),
            Judge(sameness.same_among_many_layers, None, at_once=special.few_tied, besides=special.few_tied),
        )
    ),
    Property((Judge(selection.reads_what_it_declares, besides=special.large),), called="score_shape"),
    Property((Judge(selection.blind_to_inactive, moving_cases, special.large),), of=(Criterion,)),
    Property(
        (
            Judge(selection.permutation_equivariant, distinct_cases, special.ranked),
            Judge(selection.draws_without_preference, None, special.unlike),
        )
    ),
    Property((Judge(selection.unbiased_ties, None, special.tied, at_once=special.few_tied),)),
    Property((Judge(selection.dtype_stable, distinct_cases),)),
    Property((Judge(selection.device_stable, cost=6, in_first_pass=False, prepare=device.ready),)),
    Property((Judge(known.known_answers, None, special.few_tied, at_once=special.few_tied),)),
)
"""The properties of selections, in the order in which they are judged: a fault shows first where it lies."""

DEGENERATE = "degenerate_layers"

_LAST = ("state_roundtrip", "known_answers")
"""Reported last; a lost state is judged early, because it looks like an answer that changes."""

PROMISES: dict[str, str] = {
    **{each.name: each.promise for each in SELECTION if each.name not in _LAST and not each.called},
    **{each.name: each.promise for each in SELECTION if each.name in _LAST},
    **training.PROMISES,
    DEGENERATE: "All of this holds for dense layers, layers with one active weight, and layers with one weight.",
}
"""What each property promises, by name, in the order of reports."""
