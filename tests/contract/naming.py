"""Under which names the contract reports a plugin that may do anything to the process."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from criteria.contract import report
from criteria.contract.asking import Plugin
from criteria.contract.checks import checks_of
from criteria.contract.properties import DEGENERATE
from criteria.contract.search import Effort
from criteria.contract.training_properties import PROMISES as UPDATE_PROMISES
from tests.contract.demonstrations.settings import restored


@dataclass(frozen=True)
class Named:
    """The names under which the contract reports a plugin: a right one where there is one, else all."""

    first: str
    others: tuple[str, ...] = ()
    why: str = ""
    """What was found under the first name, where all were asked for."""

    def any_of(self, right: frozenset[str] | set[str]) -> bool:
        """Whether a right name is among them."""
        return bool(right & {self.first, *self.others})


@contextlib.contextmanager
def restored_settings() -> Iterator[None]:
    """Start from the settings that tests are run with, and put back those that a plugin changed."""
    with restored(("default device",)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
        torch.set_grad_enabled(True)
        yield


def named(kind: type, examples: int, seed: int, right: frozenset[str] | set[str]) -> Named:
    """What the contract says to a plugin; an empty name where it says nothing.

    It is asked for the ``right`` names first, and for all others only where none of them is reported: a report has all.
    """
    with restored_settings():
        try:
            plugin: Plugin = kind()
            found = _first_of(plugin, Effort(examples, seed=seed), right)
            if found:
                return Named(found)
            broken = [each for each in report(plugin, examples, seed=seed) if each.outcome == "broken"]
        except Exception as failure:  # a contract that fails has not named anything
            return Named(f"the contract itself failed: {type(failure).__name__}")
    if not broken:
        return Named("")
    return Named(broken[0].property, tuple(each.property for each in broken[1:]), broken[0].reason)


def _first_of(plugin: Plugin, effort: Effort, right: frozenset[str] | set[str]) -> str:
    """The first of the right names that the contract reports the plugin under; empty for none."""
    updates = bool(right & {*UPDATE_PROMISES, DEGENERATE})
    checks = [each for each in checks_of(plugin) if each.name in right or (updates and each.name.startswith("updates"))]
    for depth in (effort.at_first(), effort):
        for check in checks:
            for result in check.results(plugin, depth):
                if result.outcome == "broken" and result.property in right:
                    return result.property
    return ""
