"""What one step of a sparse training must keep, seen from outside: by masks, weights and the optimizer's state.

Where a step leaves each weight is known without the implementation: the optimizer itself, given copies of the weights,
their state and their gradients, takes the step once more. Whether the topology is updated before or after the
optimizer's step, or instead of it, is the implementation's choice.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from criteria.contract.implementations.protocol import Declared
from criteria.contract.implementations.replaying import Snapshot, State, TakenStep


def judge_start(start: Snapshot, other: Mapping[str, Tensor], declared: Declared, broken: dict[str, str]) -> None:
    """The masks before the first step, beside those of a training with another seed."""
    active, total = sum(start.counts().values()), sum(mask.numel() for mask in start.masks.values())
    others = sum(int(mask.sum()) for mask in other.values())
    if not start.masks:
        broken["density_preserved"] = "masks() is empty"
    elif active != others:
        broken["density_preserved"] = f"{active} weights are active at the start, and {others} with another seed"
    elif declared.density is not None and abs(active - declared.density * total) > len(start.masks):
        broken["density_preserved"] = f"{active} of {total} weights are active, not {declared.density}"
    _judge_zeros(start, "at the start", broken)


def judge_taken(step: TakenStep, due: bool, when: str, declared: Declared, broken: dict[str, str]) -> None:
    """What a step that was taken has changed; notes each promise once. ``due`` says whether an update was."""
    _judge_masks(step.before, step.after, due, when, broken)
    _judge_counts(step.before, step.after, due, when, declared, broken)
    _judge_zeros(step.after, when, broken)
    weights, state = step.replayed()
    updated = any(bool(step.grown(name).any()) for name in step.before.masks)
    strict = declared.resurrection == "forbid"
    moved = _moved_survivor(step, weights, state, strict)
    if moved and not (due and not _moved_survivor(step, step.before.raw, step.before.state, strict)):
        broken.setdefault("survivors_untouched", f"{when} {moved}")
    if updated:
        _judge_grown_values(step, when, declared, broken)
        _judge_grown_states(step, when, declared, broken)


def judge_skipped(before: Snapshot, after: Snapshot, when: str, broken: dict[str, str]) -> None:
    """A step that a scaler skipped changes nothing."""
    _judge_masks(before, after, False, when, broken)
    for name, weight in before.seen.items():
        if not torch.equal(weight, after.seen[name]):
            broken.setdefault("updates_on_time", f"{when} was to be skipped, and weight {name} changed")


def _judge_masks(before: Snapshot, after: Snapshot, due: bool, when: str, broken: dict[str, str]) -> None:
    moved = [name for name, mask in before.masks.items() if not torch.equal(mask, after.masks[name])]
    if moved and not due:
        broken.setdefault("updates_on_time", f"{when} the mask of {moved[0]} changed, when no update was due")


def _judge_counts(
    before: Snapshot, after: Snapshot, due: bool, when: str, declared: Declared, broken: dict[str, str]
) -> None:
    one, two = before.counts(), after.counts()
    kept = one == two if declared.scope == "local" else sum(one.values()) == sum(two.values())
    if not kept:
        broken.setdefault("density_preserved", f"{when} the number of active weights went from {one} to {two}")
    if not due or declared.resurrection != "forbid":
        return
    replaced = {name: int((mask & ~after.masks[name]).sum()) for name, mask in before.masks.items()}
    wanted = {name: declared.wanted(one[name], mask.numel()) for name, mask in before.masks.items()}
    if sum(wanted.values()) > 0 and sum(replaced.values()) == 0:
        broken.setdefault("updates_on_time", f"{when} an update was due, and no mask changed")
    elif declared.prune_fraction is not None and declared.scope == "local" and replaced != wanted:
        broken.setdefault("no_resurrection", f"{when} {replaced} weights were replaced instead of {wanted}")


def _judge_zeros(now: Snapshot, when: str, broken: dict[str, str]) -> None:
    for name, mask in now.masks.items():
        values = now.seen[name][~mask]
        if bool((values != 0).any()):
            first = float(values[values != 0][0])
            broken.setdefault("inactive_stay_zero", f"{when} an inactive weight of {name} is {first:g}")


def _moved_survivor(step: TakenStep, weights: Mapping[str, Tensor], state: State, strict: bool) -> str:
    """The first weight, or state of one, that is not where it should be; empty where all are.

    Where pruned weights may come back in the same update (not ``strict``), those that did look like survivors, and may
    have started anew: then only weights that are not sparse are judged.
    """
    for name, weight in weights.items():
        if name in step.before.masks and not strict:
            continue
        where = step.stayed(name)
        now, wanted = step.after.seen.get(name, step.after.raw[name])[where], weight[where]
        if not _same(now, wanted):
            first = int((now != wanted).nonzero()[0, 0])
            return f"a weight of {name} that stayed is {float(now[first]):g}, not {float(wanted[first]):g}"
        for key, value in state[name].items():
            found = step.after.state[name].get(key)
            if step.is_state(name, value) and (found is None or not _same(found[where], value[where])):
                return f"{key} of a weight of {name} that stayed is not what the optimizer leaves there"
    return ""


def _judge_grown_values(step: TakenStep, when: str, declared: Declared, broken: dict[str, str]) -> None:
    """The update may have been after the optimizer's step, before it, or instead of it."""
    if declared.grown_value == "any":
        return
    zero = declared.grown_value == "zero"
    early, _ = step.replayed(zero=zero, reset=declared.grown_state == "reset")
    late = {name: torch.zeros_like(raw) if zero else raw for name, raw in step.before.raw.items()}
    found = {name: step.after.seen[name][step.grown(name)] for name in step.before.masks}
    if not any(all(_same(found[n], wanted[n][step.grown(n)]) for n in found) for wanted in (early, late)):
        name = next((n for n in found if not _same(found[n], late[n][step.grown(n)])), "")
        broken.setdefault("grown_start_as_declared", f"{when} weights of {name} that grew are {found[name].tolist()}")


def _judge_grown_states(step: TakenStep, when: str, declared: Declared, broken: dict[str, str]) -> None:
    if declared.grown_state == "any":
        return
    reset = declared.grown_state == "reset"
    _, early = step.replayed(reset=reset)
    zeros = {n: {k: v * 0 for k, v in kept.items() if isinstance(v, Tensor)} for n, kept in early.items()}
    off = [_first_other_state(step, wanted) for wanted in (early, zeros if reset else step.before.state)]
    if all(off):
        broken.setdefault("grown_state_as_declared", f"{when} {off[0]}")


def _first_other_state(step: TakenStep, wanted: State) -> str:
    for name in step.before.masks:
        where = step.grown(name)
        for key, value in step.after.state[name].items():
            there = wanted[name].get(key)
            if step.is_state(name, value) and not (there is not None and _same(value[where], there[where])):
                return f"{key} of weights of {name} that grew is {value[where].tolist()}"
    return ""


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(math.inf), other.nan_to_num(math.inf))
