"""The loss of a batch and the gradient of the logits: cross-entropy, or its binary form, with label smoothing."""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer


# long because compiled code is given its arrays one by one
@compiled
def loss(there: Any, into: Any, groups: int, classes: int, targets: Any, smoothing: float, y: Any, d: Any) -> float:
    """The mean loss of the logits in buffer ``there`` of ``y``; their gradient goes to buffer ``into`` of ``d``.

    ``targets`` [examples] are the classes. Lanes without an example get a gradient of zero, so they count nowhere.
    """
    examples = targets.size
    found = 0.0
    for g in range(examples // LANES, groups):
        for channel in range(classes):
            at = into[Buffer.START] + g * into[Buffer.GROUP] + channel * LANES
            d[at : at + LANES] = 0
    for g in range((examples + LANES - 1) // LANES):
        at = there[Buffer.START] + g * there[Buffer.GROUP]
        to = into[Buffer.START] + g * into[Buffer.GROUP]
        lanes = min(LANES, examples - g * LANES)
        wanted = targets[g * LANES : g * LANES + lanes]
        if classes == 1:
            found += _binary(wanted, smoothing, examples, y[at : at + lanes], d[to : to + lanes])
        else:
            found += _softmax(wanted, smoothing, examples, classes, at, to, y, d)
    mean: float = found / examples
    return mean


@compiled
def _binary(wanted: Any, smoothing: float, examples: int, logits: Any, out: Any) -> float:
    """The sum of the losses, as in `binary_cross_entropy_with_logits`."""
    found = 0.0
    for lane in range(wanted.size):
        target = wanted[lane] * (1 - smoothing) + smoothing / 2
        z = float(logits[lane])
        small = np.exp(-abs(z))
        found += (z if z > 0 else 0 * z) - z * target + np.log1p(small)
        sigmoid = 1 / (1 + small) if z >= 0 else small / (1 + small)
        out[lane] = (sigmoid - target) / examples
    return found


# long because compiled code is given its arrays one by one
@compiled
def _softmax(wanted: Any, smoothing: float, examples: int, classes: int, at: int, to: int, y: Any, d: Any) -> float:
    """The sum of the losses of one group of lanes."""
    found = 0.0
    kind = y.dtype.type
    uniform = smoothing / classes
    for lane in range(wanted.size):
        largest = y[at + lane]
        for channel in range(1, classes):
            value = y[at + channel * LANES + lane]
            largest = value if value > largest or value != value else largest
        total = kind(0)
        logits = 0.0
        for channel in range(classes):
            value = y[at + channel * LANES + lane] - largest
            exponential = np.exp(value)
            d[to + channel * LANES + lane] = exponential
            total += exponential
            logits += value
        scale = 1 / (total * kind(examples))
        for channel in range(classes):
            place = to + channel * LANES + lane
            d[place] = d[place] * scale - kind(uniform / examples)
        target = wanted[lane]
        d[to + target * LANES + lane] -= kind((1 - smoothing) / examples)
        log_total = np.log(total)
        value = y[at + target * LANES + lane] - largest
        found += (1 - smoothing) * (log_total - value)
        if smoothing > 0:
            found += uniform * (classes * log_total - logits)
    return found
