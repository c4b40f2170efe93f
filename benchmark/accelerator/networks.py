"""The networks that an accelerator is timed with, and the ways in which their fleets are computed."""

from dataclasses import dataclass

from benchmark.accelerator.notes import Notes
from benchmark.accelerator.parts import SkipItem
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.setup import Precision, Setup
from benchmark.training.engines.execution import PLAIN, Execution

RATE = "model-steps per second"
COMPILING = 240.0
"""Seconds that torch.compile may take for a network and its timing."""


@dataclass(frozen=True)
class Network:
    """A network that is timed, as an experiment trains it."""

    name: str
    experiment: str
    like: str
    fleets: tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """How a fleet is computed."""

    execution: Execution | None = None
    """None is what trainings take that nobody tells how to compute."""
    precision: Precision = "float32"

    def __str__(self) -> str:
        return f"{'default' if self.execution is None else self.execution}, {self.precision}"

    @property
    def limit(self) -> float:
        """Seconds that timing may take."""
        return COMPILING if self.execution is not None and self.execution.compiled else 90.0


NETWORKS = (
    Network("lenet5", "fmnist-cnn", "fashion_mnist", (1, 8, 64, 256, 610)),
    Network("lenet300", "fmnist-lenet300", "fashion_mnist", (1, 8, 64, 512)),
    Network("small_cnn", "cifar10-cnn", "cifar10", (1, 8, 64, 256)),
    Network("resnet56", "cifar10-resnet56", "cifar10", (1, 4, 16, 64)),
    Network("vgg16", "cifar100-vgg16", "cifar100", (1, 2, 8, 16)),
)
DEFAULT = Way()
WAYS = (
    Way(PLAIN),
    Way(None, "tf32"),
    Way(Execution(replayed=True)),
    Way(Execution(kernels=True)),
    Way(Execution(replayed=True), "bfloat16"),
    Way(Execution(unfolded=True, replayed=True)),
    Way(Execution(compiled=True)),
)
"""Each is timed at the best size of a fleet that is computed by default; the one that compiles takes longest."""


def key(network: Network, way: Way, size: int | None = None) -> str:
    """The key of the item that times a network in a way, in fleets of ``size`` or of the best size."""
    return f"{network.name}: {way}, {'best size' if size is None else f'fleet of {size}'}"


def best_size(network: Network, notes: Notes) -> int:
    """The size of the fleet that makes the most model-steps when it is computed by default.

    Raises :class:`SkipItem` where none was timed.
    """
    rates = {
        size: found[RATE]
        for size in network.fleets
        if RATE in (found := notes.found(key(network, DEFAULT, size)) or {})
    }
    if not rates:
        raise SkipItem("no fleet of this network was timed that is computed by default")
    return max(rates, key=lambda size: rates[size])


def best_way(network: Network, notes: Notes, *, any_precision: bool = False) -> tuple[Way, float] | None:
    """The way that makes the most model-steps per second in float32, or in any precision, with that rate."""
    ways = [way for way in WAYS if any_precision or way.precision == "float32"]
    rates = {way: found[RATE] for way in ways if RATE in (found := notes.found(key(network, way)) or {})}
    for size in network.fleets:
        rates[DEFAULT] = max(rates.get(DEFAULT, 0), (notes.found(key(network, DEFAULT, size)) or {}).get(RATE, 0))
    way = max(rates, key=lambda each: rates[each])
    return (way, rates[way]) if rates[way] else None


def setup_of(network: Network, way: Way, examples: int) -> Setup:
    """What is trained."""
    setup = load_experiment(network.experiment).setups[0][1]
    training = setup.training.model_copy(update={"precision": way.precision})
    return setup.model_copy(
        update={"data": f"synthetic(like='{network.like}', examples={examples})", "training": training}
    )
