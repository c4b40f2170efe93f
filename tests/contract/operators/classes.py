"""The mutants as classes of this module, each made when it is first asked for by its name."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from criteria import load, names
from tests.contract.demonstrations.layers import Make
from tests.contract.operators import answers, process, state
from tests.contract.operators.base import Kind, Operator
from tests.contract.right import ALL_RIGHT

MOST = 14
"""How many originals an operator is applied to where not all are asked for."""


@dataclass(frozen=True)
class Mutant:
    """A right plugin with one fault."""

    operator: Operator
    original: Kind

    @property
    def name(self) -> str:
        """The name of its class in this module."""
        return f"{self.original.__name__}_{self.operator.name}"

    @property
    def kind(self) -> Kind:
        """Its class."""
        made: Kind = _mutated(self.operator.fault, self.original)
        return made

    def is_equal(self) -> bool:
        """Whether no demonstration shows the fault: then it answers as its original does, as far as anyone can see."""
        return not any(_shown(shows, self.kind) for shows in self.operator.shown_by)


def _shown(shows: Callable[[Make], bool], kind: Kind) -> bool:
    """Whether the fault shows; a mutant that fails where its original does not shows it too."""
    try:
        return shows(kind)
    except Exception:
        return True


@cache
def originals() -> tuple[Kind, ...]:
    """All right plugins: the installed criteria and growths, and the unusual ones."""
    installed = [type(load(name, kind)) for kind in ("criterion", "growth") for name in names(kind)]
    return (*installed, *ALL_RIGHT)


def mutants(operators: tuple[Operator, ...], most: int | None = MOST) -> Iterator[Mutant]:
    """The mutants of these operators: each applied to at most so many originals, to those with the fewest so far."""
    made: Counter[Kind] = Counter()
    for operator in operators:
        fitting = sorted((original for original in originals() if operator.fits(original)), key=lambda kind: made[kind])
        chosen = fitting[:most] if most else fitting
        made.update(chosen)
        yield from (Mutant(operator, original) for original in chosen)


@cache
def _mutated(fault: type, original: Kind) -> Kind:
    name = f"{original.__name__}_{fault.__name__}"
    made: Kind = type(name, (fault, original), {"__module__": __name__, "__qualname__": name, "__doc__": fault.__doc__})
    return made


def __getattr__(name: str) -> Kind:
    """The mutant of that name; two originals of one name are told apart by the first that there is."""
    plugin, _, fault = name.rpartition("_")
    for operator in (*process.OPERATORS, *state.OPERATORS, *answers.OPERATORS):
        for original in originals() if operator.name == fault else ():
            if original.__name__ == plugin:
                return _mutated(operator.fault, original)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
