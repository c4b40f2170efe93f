"""Running a case: one training and what its steps keep, and others that must end as it does."""

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from criteria.contract.asking import NoAnswer, call
from criteria.contract.implementations.case import SCALE, TrainingCase, scaled_by
from criteria.contract.implementations.judging import judge_skipped, judge_start, judge_taken
from criteria.contract.implementations.protocol import Declared, Handle, Make
from criteria.contract.implementations.replaying import Snapshot, TakenStep
from criteria.contract.settings import UNLIKELY, changed, contained, seed_all, settings_now

Broken = dict[str, str]
"""The promises that were broken, each with what happened first."""
Trace = list[dict[str, Tensor]]
"""Masks and weights at the start and after every step."""

QUESTIONS = 2
"""How often a training is asked for masks and states between two steps where that must change nothing."""


@dataclass
class Training:
    """A network in training by an implementation."""

    case: TrainingCase
    model: nn.Module
    optimizer: torch.optim.Optimizer
    handle: Handle

    @classmethod
    def begin(cls, make: Make, case: TrainingCase, luck: int, start: int = 0) -> "Training":
        """Make the case's network sparse; global random states differ by ``luck``, its initial weights by ``start``."""
        seed_all(UNLIKELY + luck)
        model = case.model(start)
        optimizer = case.optimizer_of(model)
        return cls(case, model, optimizer, call(make, model, optimizer, case.seed, what="make()"))

    def masks(self) -> dict[str, Tensor]:
        """Copies of the masks."""
        return {name: mask.detach().clone() for name, mask in call(self.handle.masks).items()}

    def snapshot(self) -> Snapshot:
        """All that a step may change."""
        masks = self.masks()
        raw = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        found = getattr(self.handle, "weights", None)
        seen = raw if found is None else {name: w.detach().clone() for name, w in call(found).items()}
        for name in masks:
            if name not in raw or name not in seen or masks[name].shape != raw[name].shape:
                raise NoAnswer(f"masks() has a mask {name!r} that belongs to no parameter of this name and shape")
        named = list(self.model.named_parameters())
        state = {name: copied(self.optimizer.state.get(weight, {})) for name, weight in named}
        return Snapshot({name: mask.bool() for name, mask in masks.items()}, raw, seen, state)

    def backward(self, number: int) -> None:
        """Leave the gradients of a step."""
        self.optimizer.zero_grad()
        self.case.backward(self.model, number)

    def step(self, number: int) -> None:
        """Let the implementation take the step, unless a scaler would not even ask it to."""
        overflows, fused = self.case.steps[number].overflows, self.case.optimizer == "fused"
        if overflows and not fused:
            return
        if fused:
            scaled_by(self.optimizer, overflows)
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(SCALE)
        try:
            call(self.handle.step)
        finally:
            for attribute in ("grad_scale", "found_inf") if fused else ():
                delattr(self.optimizer, attribute)

    def saved(self) -> bytes:
        """A checkpoint, as a careful loop writes it: torch's global random state is in it too."""
        file = io.BytesIO()
        states = [self.model.state_dict(), self.optimizer.state_dict(), call(self.handle.state_dict)]
        call(lambda: torch.save([*states, torch.get_rng_state()], file), what="saving state_dict()")
        return file.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Go on from a checkpoint."""
        file = io.BytesIO(checkpoint)
        model, optimizer, own, random = call(lambda: torch.load(file, weights_only=False), what="loading the state")
        # what an implementation keeps out of the model's state it may keep in its own; what is lost shows afterwards
        call(lambda: self.model.load_state_dict(model, strict=False), what="loading the model's state")
        self.optimizer.load_state_dict(optimizer)
        call(self.handle.load_state_dict, own)
        torch.set_rng_state(random)

    def seen(self) -> dict[str, Tensor]:
        """Masks and weights, for a trace."""
        return traced(self.snapshot())


def traced(now: Snapshot) -> dict[str, Tensor]:
    """Masks and weights."""
    weights = {f"weight {name}": weight for name, weight in now.raw.items()}
    return weights | {f"the mask of {name}": mask for name, mask in now.masks.items()}


def copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an optimizer's state of one weight."""
    return {key: value.clone() if isinstance(value, Tensor) else value for key, value in state.items()}


def try_case(make: Make, case: TrainingCase, declared: Declared, passed_over: frozenset[str] = frozenset()) -> Broken:
    """The promises that are broken in a case; the dearer ones are not looked at where the others are broken."""
    broken: Broken = {}
    with contained():
        trace = _watched(make, case, declared, broken)
        if trace and not set(broken) - passed_over:
            _twins(make, case, trace, broken)
    return {name: reason for name, reason in broken.items() if name not in passed_over}


def _watched(make: Make, case: TrainingCase, declared: Declared, broken: Broken) -> Trace | None:
    """A training whose every step is judged; None where it does not get through, or diverges."""
    try:
        # the one with another seed comes first, since it may seed the process
        other = Training.begin(make, TrainingCase(case.network, case.widths, case.optimizer, (), case.seed + 1), luck=0)
        others = other.masks()
        training = Training.begin(make, case, luck=0)
        before = training.snapshot()
        judge_start(before, others, declared, broken)
        trace, taken = [traced(before)], 0
        for number, step in enumerate(case.steps):
            training.backward(number)
            gradients = {n: None if w.grad is None else w.grad.clone() for n, w in training.model.named_parameters()}
            process = settings_now()
            training.step(number)
            for what in changed(process):
                broken.setdefault("pure", f"step {number + 1} changed {what}")
            after, when = training.snapshot(), f"step {number + 1}"
            if not all(bool(weight.isfinite().all()) for weight in after.raw.values()):
                return None  # the training has diverged, whoever keeps it sparse
            trace.append(traced(after))
            if step.overflows:
                judge_skipped(before, after, when, broken)
            else:
                taken += 1
                done = TakenStep(case.optimizer, before, after, gradients)
                judge_taken(done, declared.due(taken), f"in {when}", declared, broken)
            before = after
    except NoAnswer as failure:
        broken.setdefault("density_preserved", str(failure))
        return None
    return trace


def _twins(make: Make, case: TrainingCase, trace: Trace, broken: Broken) -> None:
    """Trainings that do the same: again, asked more often, and saved and loaded.

    The first is both another try and asked more often; only where it differs is it looked for which of the two it was.
    """
    checkpoint: list[bytes] = []
    difference = _compared(lambda: _again(make, case, 1, QUESTIONS, checkpoint), trace)
    if difference:
        differs = _compared(lambda: _again(make, case, 1), trace)
        if differs:
            broken["replay"] = f"a second training with the same seed differs: {differs}"
            return
        broken["pure"] = f"a training that is asked for masks and states more often differs: {difference}"
        checkpoint.clear()
    difference = _compared(lambda: _resumed(make, case, checkpoint), trace[case.saved_after :])
    if difference:
        broken["checkpoint_replay"] = f"saved and loaded after step {case.saved_after}, {difference}"


def _again(
    make: Make, case: TrainingCase, luck: int, questions: int = 0, checkpoint: list[bytes] | None = None
) -> Trace:
    """A training that does the same; a checkpoint is written on the way where there is a list for it."""
    training = Training.begin(make, case, luck)
    trace = [training.seen()]
    for number in range(len(case.steps) + 1):
        for _ in range(questions):
            training.masks()
            call(training.handle.state_dict)
        if checkpoint is not None and number == case.saved_after:
            with contextlib.suppress(NoAnswer):  # one that cannot be saved is not to blame here
                checkpoint.append(training.saved())
        if number < len(case.steps):
            training.backward(number)
            training.step(number)
            trace.append(training.seen())
    return trace


def _resumed(make: Make, case: TrainingCase, checkpoint: list[bytes]) -> Trace:
    """What comes after the checkpoint, in a training that starts from other weights and has to forget them."""
    if not checkpoint:
        first = Training.begin(make, case, luck=1)
        for number in range(case.saved_after):
            first.backward(number)
            first.step(number)
        checkpoint.append(first.saved())
    second = Training.begin(make, case, luck=2, start=1)
    second.load(checkpoint[0])
    trace = [second.seen()]
    for number in range(case.saved_after, len(case.steps)):
        second.backward(number)
        second.step(number)
        trace.append(second.seen())
    return trace


def _compared(run: Callable[[], Trace], trace: Trace) -> str:
    """Where a training first differs from ``trace``, or what it failed with; empty where it does not."""
    try:
        other = run()
    except NoAnswer as failure:
        return str(failure)
    for number, (one, two) in enumerate(zip(trace, other, strict=True), start=len(trace) - len(other)):
        for what in one:
            if what not in two or not torch.equal(one[what].nan_to_num(), two[what].nan_to_num()):
                return f"{what} is another after step {number}" if number else f"{what} is another at once"
    return ""
