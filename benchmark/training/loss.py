"""The loss that networks are trained by, and the class that they predict."""

import torch.nn.functional as F
from torch import Tensor


def classification_loss(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean loss per member, [members]: cross-entropy, or its binary form where there is one logit.

    ``logits`` is [members, batch, classes or 1] and ``targets`` int64 [members, batch]; ``label_smoothing`` is the
    share of each target that is spread evenly over all classes (Szegedy et al., 2016).
    """
    if logits.shape[-1] == 1:
        wanted = targets.to(logits) * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits.squeeze(-1), wanted, reduction="none").mean(1)
    each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=label_smoothing)
    return each.view(targets.shape).mean(1)


def predictions(logits: Tensor) -> Tensor:
    """The predicted class, int64 [members, batch]."""
    return (logits.squeeze(-1) > 0).long() if logits.shape[-1] == 1 else logits.argmax(-1)
