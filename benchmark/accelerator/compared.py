"""The same trainings twice: on two devices, or in fleets of several sizes, and where their masks part ways."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.accelerator.parts import Findings
from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import Measure, Setup, TopologySettings, TrainingSettings
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria.randomness import stream

CPU = torch.device("cpu")
NAMED = 8
"""Members that are named where many differ."""
Masks = list[dict[str, Tensor]]
"""Of each member, by layer, on the CPU."""


@dataclass(frozen=True)
class Case:
    """A small training: a model, and classes of Gaussian noise around a centre each."""

    model: dict[str, Any]
    shape: tuple[int, ...]
    examples: int
    batch_size: int
    epochs: int

    def setup(self) -> Setup:
        """As trainings have it; members bring topologies of their own."""
        training = TrainingSettings(epochs=self.epochs, batch_size=self.batch_size, learning_rate=0.02)
        return Setup.model_construct(
            data="digits",
            model=dict(self.model),
            training=training,
            topology=TopologySettings(update_period=10**6),
            measure=Measure(),
            engine="dense",
        )

    def dataset(self) -> Dataset:
        """In the default dtype, on the CPU; training, validation and test examples are as many."""
        generator = stream(0, "compared", self.shape)
        count = 3 * self.examples
        targets = torch.randint(10, (count,), generator=generator)
        centres = torch.randn(10, *self.shape, generator=generator)
        inputs = centres[targets] + torch.randn(count, *self.shape, generator=generator)
        parts = zip(inputs.chunk(3), targets.chunk(3), strict=True)
        train, validation, test = (Split(*each) for each in parts)
        return Dataset("made up", train, validation, test, classes=10)


def devices_compared(
    members: Callable[[], Sequence[Member]], case: Case, first: torch.device, second: torch.device
) -> Findings:
    """Train in float64 on two devices in step; say which members' masks differed first, after which update."""
    with in_float64():
        trainings = [_training(members(), case, device) for device in (first, second)]
        parted: dict[int, int] = {}
        updates = 0
        for step, _ in zip(trainings[0].steps(), trainings[1].steps(), strict=True):
            if not any(_is_due(member, step) for member in trainings[0].engine.members):
                continue
            updates += 1
            for index, (one, other) in enumerate(zip(*(masks_of(each) for each in trainings), strict=True)):
                if not _equal(one, other):
                    parted.setdefault(index, step)
        weights = [[training.engine.weights(index) for index in range(len(members()))] for training in trainings]
    together = [index for index in range(len(weights[0])) if index not in parted]
    apart = [_apart(*(each[index] for each in weights)) for index in together]
    failures = {**trainings[0].failures, **trainings[1].failures}
    return {
        "members": len(weights[0]),
        "updates": updates,
        "the same masks after every update": len(together),
        "largest difference of their weights": max(apart, default=0.0),
        "parted": "; ".join(f"{_named(trainings[0], i)} at step {step}" for i, step in list(parted.items())[:NAMED]),
        "failures of plugins": "; ".join(failures.values()),
        "deviates": bool(parted or failures),
    }


def fleets_compared(
    member: Callable[[int], Member], case: Case, sizes: Sequence[int], device: torch.device
) -> Findings:
    """Train the same members in fleets of several sizes, in float64 and float32, and compare with the smallest fleet.

    Masks have to be the same in float64. In float32, rounding may decide otherwise in the end, which is only told.
    """
    found: Findings = {"fleets": ", ".join(map(str, sizes))}
    with in_float64():
        alone, *larger = (_trained([member(index) for index in range(size)], case, device) for size in sizes)
    equal = [_equal(masks_of(each)[0], masks_of(alone)[0]) for each in larger]
    found["the same masks in float64"] = f"{sum(equal)} of {len(equal)}"
    alone, *larger = (_trained([member(index) for index in range(size)], case, device) for size in sizes)
    close = [_equal(masks_of(each)[0], masks_of(alone)[0]) for each in larger]
    found["the same masks in float32"] = f"{sum(close)} of {len(close)}"
    weights = [each.engine.weights(0) for each in (alone, *larger)]
    found["largest difference of weights in float32"] = max(_apart(weights[0], each) for each in weights[1:])
    return {**found, "deviates": not all(equal)}


@contextmanager
def in_float64() -> Iterator[None]:
    """Networks and data that are made inside are of float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def masks_of(training: FleetTraining) -> Masks:
    """The masks of every member, on the CPU."""
    engine = training.engine
    return [{k: mask.cpu() for k, mask in engine.masks(i).items()} for i in range(len(engine.members))]


def _training(members: Sequence[Member], case: Case, device: torch.device) -> FleetTraining:
    return FleetTraining(members, case.setup(), case.dataset().on(device), device)


def _trained(members: Sequence[Member], case: Case, device: torch.device) -> FleetTraining:
    training = _training(members, case, device)
    for _ in training.steps():
        pass
    return training


def _is_due(member: Member, step: int) -> bool:
    return member.recipe is not None and step % member.recipe.topology.update_period == 0


def _named(training: FleetTraining, index: int) -> str:
    recipe = training.engine.members[index].recipe
    return f"{recipe.criterion!r} with {recipe.growth!r}" if recipe is not None else f"member {index}"


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(mask, other[name]) for name, mask in one.items())


def _apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((weight.cpu() - other[name].cpu()).abs().max()) for name, weight in one.items())
