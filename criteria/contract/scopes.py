"""The topology updates that plugins are tried with: every scope, every rule of resurrection, normalised scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from criteria.api import Criterion, Growth, Layer
from criteria.global_scope import update_topology_globally
from criteria.normalisation import Normalisation
from criteria.rules import GrownValue, Resurrection, Rules
from criteria.topology import TopologyUpdate, prune_count, update_layers, update_topology

UpdateLayer = Callable[[Layer, Criterion, Growth, float], TopologyUpdate]
UpdateLayers = Callable[[Sequence[Layer], Criterion, Growth, float], Sequence[TopologyUpdate]]


@dataclass(frozen=True)
class LayerByLayer:
    """The update of a network that updates each layer on its own."""

    update: UpdateLayer

    def __call__(
        self, layers: Sequence[Layer], criterion: Criterion, growth: Growth, prune_fraction: float
    ) -> list[TopologyUpdate]:
        """The outcome for each layer."""
        return [self.update(layer, criterion, growth, prune_fraction) for layer in layers]


@dataclass(frozen=True)
class Rule:
    """What an update has to keep."""

    together: bool = False
    """Whether all layers have one budget."""
    moves: bool = False
    """Whether weights move between layers."""
    resurrection: Resurrection = "forbid"
    grown_value: GrownValue = "zero"
    each_output: bool = False
    """Whether every output unit keeps its number of active weights."""

    @property
    def rules(self) -> Rules:
        """How what an update gives is written back."""
        return Rules(resurrection=self.resurrection, grown_value=self.grown_value)

    def replaced(self, active: Sequence[int], total: Sequence[int], prune_fraction: float) -> list[int]:
        """How many weights each layer, or all of them together, prune and grow."""
        if not self.together:
            pairs = zip(active, total, strict=True)
            return [prune_count(*counts, prune_fraction, self.resurrection) for counts in pairs]
        most = [
            max(0, min(some - 1, of - some) if not self.moves and self.resurrection == "forbid" else some - 1)
            for some, of in zip(active, total, strict=True)
        ]
        return [min(prune_count(sum(active), sum(total), prune_fraction, self.resurrection), sum(most))]


SCOPES: dict[str, UpdateLayers] = {
    "local": LayerByLayer(update_topology),
    "global": update_topology_globally,
}
"""The topology updates that a plugin is tried with, together with every partner."""

OTHER_SCOPES: dict[str, UpdateLayers] = {
    "global_prune": partial(update_layers, rules=Rules("global_prune")),
    "local, resurrection allowed": LayerByLayer(partial(update_topology, resurrection="allow")),
    "local, resurrected restart": LayerByLayer(partial(update_topology, resurrection="restart")),
    "local, constant fan-in": partial(update_layers, rules=Rules(fan_in="constant")),
    "local, grown values drawn": partial(update_layers, rules=Rules(resurrection="restart", grown_value="uniform")),
    "global, resurrected restart": partial(update_topology_globally, resurrection="restart"),
    "global, normalised": partial(update_topology_globally, normalisation=Normalisation("layer", "sum")),
}
"""Those that it is tried with together with one partner."""

NORMALISED = frozenset({"global, normalised"})
"""Those that need a score, which a criterion with a selection of its own need not have."""

RULES: dict[str, Rule] = {
    "local": Rule(),
    "global": Rule(together=True, moves=True),
    "global_prune": Rule(together=True),
    "local, resurrection allowed": Rule(resurrection="allow"),
    "local, resurrected restart": Rule(resurrection="restart"),
    "local, constant fan-in": Rule(each_output=True),
    "local, grown values drawn": Rule(resurrection="restart", grown_value="uniform"),
    "global, resurrected restart": Rule(together=True, moves=True, resurrection="restart"),
    "global, normalised": Rule(together=True, moves=True),
}
"""What each of these has to keep."""
