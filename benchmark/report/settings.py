"""What the setups of an experiment share and what varies between them, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.setup import TopologySettings, TrainingSettings
from benchmark.report.section import setting_text
from benchmark.verdicts.contrasts import flat_settings

PARTS = ("model", "training", "topology")
NAMES = {"topology.update_period": "update period (in optimizer steps)"}
"""Settings whose own name does not say enough."""
DEFAULTS = flat_settings(
    {
        "training": TrainingSettings(epochs=1, batch_size=1, learning_rate=1),
        "topology": TopologySettings(update_period=1),
    }
)
"""The settings of the paper; the page tells every setting that differs from them."""
MODEL = {"model.name": "{}"}
"""The words of the settings that are always told; ``{}`` is the value, and a second one the plural."""
TRAINING = {
    "training.epochs": "{} epoch{}",
    "training.batch_size": "batches of {}",
    "training.learning_rate": "learning rate {}",
}
TOPOLOGY = {
    "topology.update_period": "updated every {} step{}",
    "topology.distribution": "initial distribution {}",
}
ELSEWHERE = ("topology.resurrection",)
"""Settings that the page tells as the rule."""


@dataclass(frozen=True)
class SetupSettings:
    """The settings of an experiment's setups by their dotted names."""

    shared: Mapping[str, Any]
    varying: Mapping[str, tuple[Any, ...]]
    """The values of each setting that is not the same in all setups, in the order of the experiment."""

    @property
    def model(self) -> str:
        """The model and its parameters."""
        return self._told("model", MODEL)

    @property
    def training(self) -> str:
        """How networks are trained."""
        return self._told("training", TRAINING)

    @property
    def topology(self) -> str:
        """How the topology starts and changes, apart from the rule of resurrection."""
        return self._told("topology", TOPOLOGY)

    def _told(self, part: str, words: Mapping[str, str]) -> str:
        """The settings of a part: those with words, then those that vary or differ from the paper's."""
        others = [
            key
            for key in (*self.shared, *self.varying)
            if key.startswith(f"{part}.") and key not in words and key not in ELSEWHERE
        ]
        told = [key for key in others if key in self.varying or self.shared[key] != DEFAULTS.get(key)]
        return ", ".join([*(self._one(key, text) for key, text in words.items()), *map(self._one, told)])

    def _one(self, key: str, words: str | None = None) -> str:
        name = NAMES.get(key, key.partition(".")[2].replace("_", " ").replace(".", " "))
        if key in self.varying:
            return f"{name} varies over {setting_text(self.varying[key])}"
        value = self.shared[key]
        if not words and value in ([], ()):
            return f"no {name}"
        return (words or f"{name} {{}}").format(setting_text(value), "" if value == 1 else "s")


def setup_settings(experiment: Experiment) -> SetupSettings:
    """The settings that the setups of an experiment share, and those that vary between them."""
    flat = [flat_settings({part: getattr(setup, part) for part in PARTS}) for _, setup in experiment.setups]
    values = {
        key: _distinct(each.get(key) for each in flat) for key in dict.fromkeys(key for each in flat for key in each)
    }
    return SetupSettings(
        shared={key: found[0] for key, found in values.items() if len(found) == 1},
        varying={key: found for key, found in values.items() if len(found) > 1},
    )


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found)
