"""What compiled code is asked to do: several steps, or an evaluation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.program.arguments import Steps, Unlaid, Work
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.program.stepping import Examples, Numbers, Sgd, Step

FLOPS = 5e9
"""About what several steps of all networks have: a tenth of a second."""
MOST_STEPS = 16

Numbered = NDArray[np.int64]


def most_steps(plan: Plan, counts: Numbered, lanes: int) -> int:
    """How many steps may wait for each other, of networks with ``counts`` [networks, layers] active weights."""
    pixels = np.array([plan.nodes[number].outputs[1] * plan.nodes[number].outputs[2] for number in plan.products])
    products = 6 * lanes * int((counts * pixels).sum())  # two for each weight, forward and in two gradients
    return int(min(MOST_STEPS, max(1, FLOPS // max(products, 1))))


# long because compiled code is given its arrays one by one
def gathered(
    waiting: Sequence[Step],
    order: Numbered,
    sees: Numbered,
    inputs: Numbers,
    numbers: int,
    smoothing: float,
    weights: int,
) -> Steps:
    """The steps that wait, for networks of so many ``weights`` that are computed in this ``order``.

    Network m sees batch ``sees[m]``; all batches of a step are ``numbers`` of its slot of ``inputs``.
    """
    extra, members = waiting[-1].extra, order.size
    histories = [step.extra.history for step in waiting if step.extra.history is not None]
    trails = [step.extra.trail for step in waiting if step.extra.trail is not None]
    rows = len(extra.convolutions)
    return Steps(
        members=order,
        batches=sees,
        inputs=inputs,
        numbers=numbers,
        at=np.array([step.slot for step in waiting], np.int64),
        targets=np.stack([step.targets for step in waiting]),
        smoothing=smoothing,
        sgd=np.array([(step.before or Sgd(0.0)).settings for step in waiting]),
        due=np.array([step.before is not None for step in waiting], np.int64),
        losses=np.zeros((len(waiting), members)),
        every=_with(members, extra.convolutions, range(rows)),
        nobody=_nowhere(members),
        full_gradients=np.zeros((rows, weights if rows else 1), inputs.dtype),
        linear_too=_with(members, extra.all_layers, [1] * len(extra.all_layers)),
        slots=np.array(
            [_with(members, s.extra.recorded, [s.extra.slot] * len(s.extra.recorded)) for s in waiting], np.int64
        ),
        history=histories[0] if histories else np.empty((0, 1, 1), inputs.dtype),
        trail=trails[-1].numbers if trails else np.empty(0, inputs.dtype),
        places=np.stack(
            [_nowhere(members) if (trail := step.extra.trail) is None else trail.places for step in waiting]
        ),
    )


def unlaid(plan: Plan, examples: Sequence[Examples | None]) -> Unlaid:
    """What is to be laid out for some steps: all of them, or none."""
    there = [each for each in examples if each is not None]
    rows = np.stack([each.rows for each in there]) if there else np.zeros((0, 0, 0), np.int64)
    return Unlaid(
        image=plan.input_image(0).shape,
        sources=np.array([(e.source.ctypes.data, len(e.source)) for e in there], np.int64).reshape(-1, 2),
        rows=rows,
        laid_out=np.zeros(rows.shape[0] * rows.shape[1], np.int64),
    )


def evaluation(order: Numbered, inputs: Numbers, examples: int) -> Work:
    """Evaluate all networks on ``inputs`` [batches, numbers], of so many examples each."""
    members = order.size
    return Work(
        members=order,
        batches=np.zeros(members, np.int64),
        inputs=inputs,
        targets=np.zeros((1, examples), np.int64),
        smoothing=0.0,
        losses=np.zeros(members),
        every=_nowhere(members),
        full_gradients=np.zeros((0, 1), inputs.dtype),
        linear_too=_nowhere(members),
        slots=_nowhere(members),
        history=np.empty((0, 1, 1), inputs.dtype),
    )


def _nowhere(size: int) -> Numbered:
    return np.full(size, -1, np.int64)


def _with(size: int, chosen: Sequence[int], values: Sequence[int]) -> Numbered:
    """So many numbers, -1 but at the ``chosen`` places."""
    found = _nowhere(size)
    found[list(chosen)] = values
    return found
