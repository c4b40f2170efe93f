"""Which part, or which variation, of an experiment is asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.experiments.experiment import Experiment, load_experiment
from criteria.errors import InputError
from criteria.plugins import Spec, names, resolve
from criteria.plugins.spec import split_at_commas


@dataclass(frozen=True)
class Part:
    """What is asked for of an experiment, as texts in the form that the command line has; None asks for all."""

    criteria: str | None = None
    """Criteria and baselines, as in ``magnitude,mest(lambda_=0.1),static``."""
    add: str | None = None
    """Criteria, growths and baselines beside all that the experiment has, or beside those that are asked for."""
    growth: str | None = None
    density: str | None = None
    seeds: str | None = None
    """As in ``1-5`` or ``1,2,7``."""
    settings: tuple[str, ...] = ()
    """Changed settings, as in ``training.epochs=2``."""

    @property
    def narrows(self) -> bool:
        """Whether cells are left out, or trained otherwise than the experiment says."""
        return any(each is not None for each in (self.criteria, self.growth, self.density)) or bool(self.settings)

    @property
    def options(self) -> list[str]:
        """The options of a command that ask for this part."""
        names = ("criteria", "add", "growth", "density", "seeds")
        chosen = {name: getattr(self, name) for name in names}
        named = [word for name, text in chosen.items() if text is not None for word in (f"--{name}", text)]
        return named + [word for setting in self.settings for word in ("--set", setting)]

    def select(self, name: str) -> Experiment:
        """The experiment ``name`` with these axes and settings; raises :class:`InputError` for what it cannot be."""
        axes: dict[str, Any] = {}
        baselines = None
        if self.criteria is not None:
            asked = _by_kind(self.criteria, "--criteria", ("baseline", "criterion"))
            axes["criteria"], baselines = asked["criterion"], asked["baseline"]
        if self.growth is not None:
            axes["growths"] = [resolve(text, "growth") for text in _split(self.growth, "--growth")]
        if self.density is not None:
            axes["densities"] = [_density(text) for text in _split(self.density, "--density")]
        if self.seeds is not None:
            axes["seeds"] = [seed for text in _split(self.seeds, "--seeds") for seed in _seeds(text)]
        if self.add is not None:
            written = load_experiment(name)
            more = _by_kind(self.add, "--add", ("baseline", "criterion", "growth"))
            axes["criteria"] = _together(axes.get("criteria", written.axes.criteria), more["criterion"])
            axes["growths"] = _together(axes.get("growths", written.axes.growths), more["growth"])
            baselines = _together(written.baselines if baselines is None else baselines, more["baseline"])
        return load_experiment(name, self.settings, axes, baselines)

    def select_all(self, names: Sequence[str]) -> list[tuple[str, Experiment]]:
        """The same of several, each beside how it is asked for.

        Raises :class:`InputError` for two of one name too, of which one would take the place of the other.
        """
        found = [(asked, self.select(asked)) for asked in names]
        named: dict[str, Experiment] = {}
        for asked, experiment in found:
            if named.setdefault(experiment.name, experiment) != experiment:
                raise InputError(
                    f"{asked}: another experiment that is asked for has the name {experiment.name} too; give it a name "
                    "of its own"
                )
        return found


def _by_kind(text: str, option: str, kinds: Sequence[str]) -> dict[str, list[Spec]]:
    """The plugins that a text names, by kind; a name that several kinds have is of the first of these."""
    found: dict[str, list[Spec]] = {kind: [] for kind in kinds}
    for spec in map(Spec.parse, _split(text, option)):
        kind = next((kind for kind in kinds if spec.name in names(kind)), "criterion")
        found[kind].append(resolve(spec, kind))
    return found


def _together(first: Iterable[Spec], more: Iterable[Spec]) -> list[Spec]:
    """Both, without those of ``more`` that are there already."""
    there = list(first)
    return there + [spec for spec in more if str(spec) not in set(map(str, there))]


def _split(text: str, option: str) -> list[str]:
    parts = [part.strip() for part in split_at_commas(text)]
    if not all(parts):
        raise InputError(f"{option} {text!r}: expected names or numbers separated by single commas")
    return parts


def _density(text: str) -> float:
    density: float = _number(text, float, "--density", "a number, such as 0.05")
    if not 0 < density <= 1:
        raise InputError(f"--density {text}: a density is the fraction of weights kept, above 0 and at most 1")
    return density


def _seeds(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    wanted = "a seed or a range, such as 3 or 1-5"
    if not first or (dash and not last):
        raise InputError(f"--seeds {text!r}: expected {wanted}")
    low = _number(first, int, "--seeds", wanted)
    high = _number(last, int, "--seeds", wanted) if dash else low
    if not low <= high <= low + 10_000:
        raise InputError(f"--seeds {text}: expected {wanted}")
    return list(range(low, high + 1))


def _number(text: str, kind: Callable[[str], Any], option: str, wanted: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{option} {text!r}: expected {wanted}") from None
