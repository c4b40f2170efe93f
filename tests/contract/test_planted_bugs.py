"""The contract finds planted bugs, and names the property that each of them breaks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from criteria import Growth, Layer
from criteria.contract import ContractError, Result, check_criterion, check_growth, checks_of
from criteria.contract.asking import Broken
from criteria.contract.properties import PROMISES
from criteria.contract.scopes import LayerByLayer
from criteria.contract.search import Effort
from criteria.contract.training_properties import PROMISES as UPDATE_PROMISES
from criteria.contract.training_properties import BrokenUpdate
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from tests.contract.planted import BUGS, Bug, starts_small

EXAMPLES = 30
"""Fewer than a check tries by default, so that luck has less to do with what is found."""


def found(bug: Bug, seed: int) -> Result:
    """The first broken promise; where the bug is in an update, the plugin's own selections are not gone through."""
    limit = 0.5 if bug.hangs else 30.0
    if bug.scopes:
        checks = checks_of(bug.plugin, bug.partners, bug.scopes)
        updates = [check for check in checks if check.name.startswith("updates")]
        effort = Effort(EXAMPLES, time_limit=limit, seed=seed)
        results = (result for check in updates for result in check.results(bug.plugin, effort))
        return next(result for result in results if result.outcome == "broken")
    check = check_growth if isinstance(bug.plugin, Growth) else check_criterion
    with pytest.raises(ContractError) as error:
        check(bug.plugin, EXAMPLES, partners=bug.partners, time_limit=limit, seed=seed)
    return error.value.result


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_planted_bug_is_named_and_its_counterexample_shows_it_when_pasted(
    bug: Bug, record_property: Callable[[str, Any], None]
) -> None:
    result = found(bug, seed=0)
    assert result.property == bug.breaks
    record_property("caught", (result.property, str(bug)))
    if not bug.hangs:
        # what happens by chance need not happen at the first go
        assert any(breaks_when_pasted(result.code) for _ in range(20 if bug.chance else 1))


def breaks_when_pasted(code: str) -> bool:
    try:
        exec(code, {})
    except Broken:
        return True
    return False


class ForgetsUpdates(Magnitude):
    """Whether a layer was ever updated is not saved, and turns its scores round."""

    def __init__(self) -> None:
        self.masks: dict[str, Tensor] = {}
        self.updated: set[str] = set()

    def observe(self, layer: Layer) -> None:
        if not torch.equal(self.masks.setdefault(layer.name, layer.mask.clone()), layer.mask):
            self.updated.add(layer.name)

    def score(self, layer: Layer) -> Tensor:
        return -layer.weight.abs() if layer.name in self.updated else layer.weight.abs()


def test_a_fault_behind_another_one_shows_when_its_counterexample_is_pasted() -> None:
    """Every update starts what it grows at a small number, so whatever comes after an update comes behind that."""
    plugin, scopes = ForgetsUpdates(), {"local": LayerByLayer(starts_small)}
    updates = next(check for check in checks_of(plugin, [RandomGrowth()], scopes) if check.name.startswith("updates"))
    broken = [result for result in updates.results(plugin, Effort(15, seed=0)) if result.outcome == "broken"]
    behind = [result for result in broken if result.property in UPDATE_PROMISES]
    assert {"grown_start_at_zero", "checkpoint_replay"} <= {result.property for result in behind}
    for result in behind:
        with pytest.raises(BrokenUpdate) as error:
            exec(result.code, {})
        assert error.value.property == result.property


def test_every_property_is_the_name_of_some_bug() -> None:
    assert {bug.breaks for bug in BUGS} == PROMISES.keys()


def test_no_two_bugs_have_the_same_name() -> None:
    assert len({(str(bug), bug.breaks) for bug in BUGS}) == len(BUGS) >= 30


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_bugs_are_named_alike_whatever_cases_are_drawn(seed: int) -> None:
    named = {(str(bug), bug.breaks): found(bug, seed).property for bug in BUGS}
    assert {bug: name for bug, name in named.items() if name != bug[1]} == {}
