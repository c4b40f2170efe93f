"""What is known of public implementations: the rules that they follow, and the promises that they do not keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLAIN = ("accumulation",)
RANKS = ("accumulation", "ranks")


@dataclass(frozen=True)
class Library:
    """One implementation."""

    name: str
    package: str
    version: str | None
    """The pinned one; None for torch's own, which comes with torch."""
    make: str
    """Its adapter, as ``module:function``."""
    rule: str
    """What may regrow, with which value and which optimizer state."""
    declared: Mapping[str, Any]
    expected: Mapping[str, str] = field(default_factory=dict)
    """The promises that are known to be broken, and how."""


LIBRARIES = (
    Library(
        "rigl-torch, RigLScheduler",
        "rigl-torch",
        "0.5.2",
        "examples.libraries.by_rigl_torch:rigl",
        "pruned weights may grow back at once and keep their value; others start at 0; momentum of SGD starts at 0",
        {
            "update_period": 4,
            "resurrection": "allow",
            "grown_state": "reset",
            "situations": RANKS,
            "optimizers": ("momentum", "sgd"),
        },
    ),
    Library(
        "rigl-torch, RigLScheduler, Adam",
        "rigl-torch",
        "0.5.2",
        "examples.libraries.by_rigl_torch:rigl",
        "as above, where only `momentum_buffer` is reset",
        {
            "update_period": 4,
            "resurrection": "allow",
            "grown_state": "reset",
            "situations": PLAIN,
            "optimizers": ("adamw", "adam"),
        },
        {"grown_state_as_declared": "only `momentum_buffer` is masked; `exp_avg` and `exp_avg_sq` stay as they are"},
    ),
    Library(
        "rigl-torch, RigLScheduler, no resurrection",
        "rigl-torch",
        "0.5.2",
        "examples.libraries.by_rigl_torch:rigl",
        "declared: nothing that is pruned grows back at once",
        {
            "update_period": 4,
            "prune_fraction": 0.3,
            "rounding": "down",
            "grown_state": "reset",
            "situations": PLAIN,
            "optimizers": ("momentum", "sgd"),
        },
        {
            "no_resurrection": "candidates of growth are all weights that were not kept, just-pruned ones included",
            "updates_on_time": "where all pruned weights grow back at once, an update changes nothing",
        },
    ),
    Library(
        "sparsimony, RigL",
        "sparsimony",
        "0.1.0",
        "examples.libraries.by_sparsimony:rigl",
        "pruned weights may grow back at once; all grown weights start at 0; momentum is what gathered",
        {"update_period": 5, "resurrection": "restart", "situations": RANKS, "density": 0.5},
        {
            "density_preserved": "the first masks round the number of active weights up, updates round it down",
            "checkpoint_replay": "the count of steps is not in `state_dict()`, so a resumed training updates elsewhere",
        },
    ),
    Library(
        "sparsimony, SET",
        "sparsimony",
        "0.1.0",
        "examples.libraries.by_sparsimony:set_",
        "pruned weights may grow back at once; grown weights keep the value that their parameter had",
        {"update_period": 5, "resurrection": "restart", "situations": RANKS, "density": 0.5},
        {
            "density_preserved": "the first masks round the number of active weights up, updates round it down",
            "updates_on_time": "every step is counted twice, so that the update of step 5 comes in step 3",
            "grown_start_as_declared": "`grow_mask` computes the initial value and drops it",
            "checkpoint_replay": "the masks are neither in the model's state nor in the sparsifier's",
            "pure": "growth draws from torch's global generator",
        },
    ),
    Library(
        "sparsimony, SET, even period",
        "sparsimony",
        "0.1.0",
        "examples.libraries.by_sparsimony:set_every_four",
        "as above, with an update declared every fourth step",
        {"update_period": 4, "situations": PLAIN, "density": 0.5},
        {
            "updates_on_time": "the scheduler is asked at odd steps only, so that no update is ever due",
            "checkpoint_replay": "the masks are neither in the model's state nor in the sparsifier's",
        },
    ),
    Library(
        "torch.nn.utils.prune",
        "torch",
        None,
        "examples.libraries.by_torch:pruned",
        "pruned once; masks stay",
        {"update_period": None, "situations": PLAIN},
    ),
    Library(
        "torch.ao.pruning, WeightNormSparsifier",
        "torch",
        None,
        "examples.libraries.by_torch:sparsified",
        "weights of norm zero stay pruned, so masks stay",
        {"update_period": None, "situations": PLAIN, "networks": ("perceptron",)},
    ),
)
