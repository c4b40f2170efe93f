"""Hypothesis at work: the search for a case, or a training, that breaks a promise."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, Unsatisfiable

from criteria.contract.asking import Broken, Inapplicable, Plugin
from criteria.contract.case import Case, Place, drawn_case
from criteria.contract.process import Overtime, again_if_late, time_limit
from criteria.contract.settings import UNLIKELY, contained, kept, seed_all
from criteria.contract.training_properties import Episode, Start, Twins

TIME_LIMIT = 10.0
"""Seconds that one case, or one step of a training, may take; they take milliseconds."""

FIRST_EXAMPLES = 6
"""Cases of each property in the first pass, which finds the common faults at once."""

PATIENT = 3
"""How many times as long large cases may take."""

HOPELESS = 50
"""After so many cases, none of which says anything about a property, no more are tried."""


@dataclass(frozen=True)
class Circumstances:
    """The layers of a training that a plugin is checked for, beside all other layers.

    ``shapes`` are those of its sparse layers, ``density`` is about theirs; ``device`` and ``dtype`` are as in
    ``torch.device("cuda")`` and ``torch.float32``, by name.
    """

    shapes: tuple[tuple[int, ...], ...]
    density: float = 0.1
    device: str = "cpu"
    dtype: str = "float32"

    def cases(self) -> Iterator[Case]:
        """One case for each different shape."""
        place = Place(self.device, self.dtype)
        for number, shape in enumerate(sorted(set(self.shapes))):
            size = math.prod(shape)
            active = min(size, max(2, round(self.density * size)))
            n = min(active, size - active) // 3
            yield drawn_case(shape, active, n, number, observed=2, step=100, place=place)


@dataclass(frozen=True)
class Effort:
    """How hard to search."""

    max_examples: int
    time_limit: float = TIME_LIMIT
    seed: int | None = None
    """Makes a search the same every time; without one, what it finds is kept and tried first the next time."""

    like: Circumstances | None = None
    """The training that the plugin is checked for."""
    first_pass: bool = False
    """Whether only a few small cases are tried."""

    def share(self, one_in: int) -> "Effort":
        """The effort for a search whose examples cost ``one_in`` times as much as others."""
        return replace(self, max_examples=max(2, self.max_examples // one_in))

    def at_first(self) -> "Effort":
        """The effort of the first pass."""
        return replace(self, max_examples=min(FIRST_EXAMPLES, self.max_examples), first_pass=True)


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


# long because Hypothesis wants one function that closes over the state of the search
def find_case(
    property_: Callable[[Any, Case], None],
    plugin: Plugin,
    cases: st.SearchStrategy[Case] | None,
    effort: Effort,
    label: str,
    last: Iterable[Case] = (),
) -> Found | None:
    """A case in which the plugin does not keep the property, or None; raises :class:`NothingSaid`.

    After ``cases``, ``last`` are tried. Failures are kept in Hypothesis's example database under ``label``.
    """
    found: list[Found] = []
    silent: list[str] = []
    spoken = False

    def asked(case: Case) -> None:
        with contained(), time_limit(effort.time_limit * (PATIENT if case.recipe else 1)), torch.no_grad():
            seed_all(UNLIKELY)
            property_(plugin, case)

    def judge(case: Case) -> None:
        nonlocal spoken
        try:
            again_if_late(asked, case)
        except (Broken, Overtime) as broken:
            found.append(Found(str(broken), case, hung=isinstance(broken, Overtime)))
            raise
        except Inapplicable as why:
            silent.append(str(why))
            raise
        spoken = True

    def test(case: Case) -> None:
        try:
            judge(case)
        except Inapplicable as why:
            if len(silent) == HOPELESS and not spoken and not found:
                raise _Hopeless(str(why)) from why
            reject()

    def run() -> None:
        if cases is not None:
            with contextlib.suppress(_Hopeless, Unsatisfiable):
                _search(effort, label, test, cases)
        for case in last:
            with contextlib.suppress(Inapplicable):
                judge(case)

    broken = _outcome(run, found)
    if broken is None and not spoken:
        raise NothingSaid(silent[-1] if silent else "no case was tried")
    return broken


def find_training(
    begin: Callable[[Start], Twins],
    episodes: st.SearchStrategy[Episode],
    effort: Effort,
    label: str,
    last: Iterable[Episode] = (),
) -> Found | None:
    """A training of twins from ``begin`` in which an update breaks a promise, or None."""
    found: list[Found] = []

    def train(episode: Episode, done: Episode) -> None:
        done.steps.clear()
        with contained():
            with time_limit(effort.time_limit):
                twins = begin(episode.start)
            for step in episode.steps:
                done.steps.append(step)
                with time_limit(effort.time_limit):
                    twins.do(step)

    def run_through(episode: Episode) -> None:
        done = Episode(episode.start)
        try:
            again_if_late(train, episode, done)
        except (Broken, Overtime) as broken:
            hung = isinstance(broken, Overtime)  # then the update did not go through
            found.append(Found(str(broken), done, getattr(broken, "property", "density_preserved"), hung))
            raise

    def run() -> None:
        _search(effort, label, run_through, episodes)
        for episode in last:
            run_through(episode)

    return _outcome(run, found)


def _search(effort: Effort, label: str, test: Callable[[Any], None], examples: st.SearchStrategy[Any]) -> None:
    search = _settings(effort, label)(given(examples)(test))
    if effort.seed is not None:
        # the second pass would try once more what the first has tried
        seed(2 * effort.seed + effort.first_pass)(search)
    search()


def _outcome(run: Callable[[], None], found: list[Found]) -> Found | None:
    """The last example found, which is the smallest: Hypothesis tries that one again before it ends."""
    try:
        with kept("the number of threads"):
            torch.set_num_threads(1)  # the layers of a search are small, so several would mostly wait for each other
            run()
    except (Broken, Overtime):
        return found[-1]
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
