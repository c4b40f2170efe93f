"""Hypothesis at work: the search for a case, or a training, that breaks a promise."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test

from criteria.contract.asking import Broken, Inapplicable, Plugin
from criteria.contract.case import Case
from criteria.contract.machine import TrainingMachine
from criteria.contract.process import Overtime, contained, seed_all, time_limit
from criteria.contract.training_properties import Episode, Start, Twins

TIME_LIMIT = 10.0
"""Seconds that one case, or one step of a training, may take; they take milliseconds."""

STEPS = 8
"""Steps of each training, before those that every training ends with."""

HOPELESS = 50
"""After so many cases, none of which says anything about a property, no more are tried."""


@dataclass(frozen=True)
class Effort:
    """How hard to search."""

    max_examples: int
    time_limit: float = TIME_LIMIT
    seed: int | None = None
    """Makes a search the same every time; without one, what it finds is kept and tried first the next time."""

    def share(self, one_in: int) -> "Effort":
        """The effort for a search whose examples cost ``one_in`` times as much as others."""
        return Effort(max(2, self.max_examples // one_in), self.time_limit, self.seed)


@dataclass(frozen=True)
class Found:
    """The smallest example that was found to break a promise."""

    reason: str
    example: Any
    """A :class:`Case` or an :class:`Episode`."""
    property: str = ""
    """The promise, where the search was for several."""
    hung: bool = False
    """Whether a call did not return."""


class NothingSaid(Exception):  # noqa: N818 - not an error
    """No example said anything about the property; the message says why the last one did not."""


class _Hopeless(BaseException):
    """Ends a search that goes on in vain; Hypothesis takes no notice of it."""


def find_case(
    property_: Callable[[Any, Case], None],
    plugin: Plugin,
    cases: st.SearchStrategy[Case],
    effort: Effort,
    label: str,
    last: Iterable[Case] = (),
) -> Found | None:
    """A case in which the plugin does not keep the property, or None; raises :class:`NothingSaid`.

    After ``cases``, ``last`` are tried. Failures are kept in Hypothesis's example database under ``label``.
    """
    found: list[Found] = []
    silent = 0
    spoken = False

    def judge(case: Case) -> None:
        try:
            with contained(), time_limit(effort.time_limit), torch.no_grad():
                seed_all(0)
                property_(plugin, case)
        except (Broken, Overtime) as broken:
            found.append(Found(str(broken), case, hung=isinstance(broken, Overtime)))
            raise

    def test(case: Case) -> None:
        nonlocal silent, spoken
        try:
            judge(case)
        except Inapplicable as why:
            silent += 1
            if silent == HOPELESS and not spoken and not found:
                raise _Hopeless(str(why)) from why
            reject()
        spoken = True

    def run() -> None:
        search = _settings(effort, label)(given(cases)(test))
        (search if effort.seed is None else seed(effort.seed)(search))()
        for case in last:
            with contextlib.suppress(Inapplicable):
                judge(case)

    return _outcome(run, found)


def find_training(
    begin: Callable[[Start], Twins], starts: st.SearchStrategy[Start], effort: Effort, label: str
) -> Found | None:
    """A training of twins from ``begin`` in which an update breaks a promise, or None."""
    found: list[Found] = []

    def note(episode: Episode, broken: Broken | Overtime) -> None:
        hung = isinstance(broken, Overtime)  # then the update did not go through
        found.append(Found(str(broken), episode, getattr(broken, "property", "density_preserved"), hung))

    def machine() -> TrainingMachine:
        return TrainingMachine(begin, starts, effort.time_limit, note)

    factory: Any = machine if effort.seed is None else seed(effort.seed)(machine)
    return _outcome(lambda: run_state_machine_as_test(factory, settings=_settings(effort, label)), found)


def _outcome(run: Callable[[], None], found: list[Found]) -> Found | None:
    """The last example found, which is the smallest: Hypothesis tries that one again before it ends."""
    try:
        run()
    except (Broken, Overtime):
        return found[-1]
    except (_Hopeless, Unsatisfiable) as why:
        raise NothingSaid(str(why)) from why
    except Flaky:  # a plugin that does not answer alike twice
        if not found:
            raise
        return replace(found[-1], reason=f"{found[-1].reason} (not every time)")
    return None


def _settings(effort: Effort, label: str) -> settings:
    """The profile in force (so that CI may ask for derandomized searches), but no deadlines and no output."""
    profile = settings()
    keeps = effort.seed is None and not profile.derandomize and profile.database is not None
    return settings(
        max_examples=effort.max_examples,
        stateful_step_count=STEPS,
        database=Shelf(profile.database, label) if keeps else None,
        deadline=None,
        phases=(Phase.reuse, Phase.generate, Phase.shrink),  # explaining would take longer than all of these
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )


class Shelf(ExampleDatabase):
    """The part of an example database that belongs to one search: all of ours run the same few lines of code."""

    def __init__(self, whole: Any, label: str) -> None:
        super().__init__()
        self._whole, self._label = whole, label.encode()

    def fetch(self, key: bytes) -> Iterable[bytes]:
        yield from self._whole.fetch(self._place(key))

    def save(self, key: bytes, value: bytes) -> None:
        self._whole.save(self._place(key), value)

    def delete(self, key: bytes, value: bytes) -> None:
        self._whole.delete(self._place(key), value)

    def _place(self, key: bytes) -> bytes:
        return hashlib.sha256(self._label + b"\0" + key).digest()
