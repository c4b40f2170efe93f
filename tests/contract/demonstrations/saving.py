"""Faults that show when a state is saved and loaded once, or is that of many layers."""

import io
from dataclasses import replace

import torch

from criteria import Criterion
from tests.contract.demonstrations.layers import Make, history, mapped, practised, question, scores
from tests.contract.demonstrations.training import saved


def forgets_what_is_long_ago(make: Make) -> bool:
    """Whether what was observed ten steps ago no longer counts after saving and loading."""
    large = question(kind="normal")
    plugin, loaded = practised(make, replace(large.layer, weight=100 * large.layer.weight)), make()
    for _ in range(10):
        plugin.observe(mapped(large.layer, torch.clone))  # type: ignore[union-attr]
    loaded.load_state_dict(torch.load(io.BytesIO(saved(plugin)), weights_only=True))
    then, now = scores(plugin, large), scores(loaded, large)
    return then is None or now is None or not torch.equal(then, now)


def forgets_among_many(make: Make) -> bool:
    """Whether what was observed of two hundred other layers changes a layer's answer."""
    asked = question()
    plugin = practised(make, asked.layer)
    then = scores(plugin, asked)
    for number in range(200):
        plugin.observe(replace(mapped(question(seed=number).layer, torch.clone), name=f"layers.{number}.weight"))  # type: ignore[union-attr]
    now = scores(plugin, asked)
    return then is None or now is None or not torch.equal(then, now)


def saves_large_ones_otherwise(make: Make) -> bool:
    """Whether a layer of a million weights has other scores after saving and loading."""
    asked = question((1000, 1000))
    plugin, loaded = practised(make, asked.layer), make()
    assert isinstance(plugin, Criterion)
    assert isinstance(loaded, Criterion)
    loaded.load_state_dict(torch.load(io.BytesIO(saved(plugin)), weights_only=True))
    then, now = scores(plugin, asked), scores(loaded, asked)
    return then is not None and (now is None or not torch.equal(then, now))


def cannot_go_back(make: Make) -> bool:
    """Whether one that loads what it has saved earlier is another than it was then."""
    asked = question()
    plugin = practised(make, asked.layer)
    assert isinstance(plugin, Criterion)
    then, file = scores(plugin, asked), saved(plugin)
    for seed in range(3):
        plugin.observe(mapped(question(seed=seed + 10).layer, torch.clone))
    plugin.load_state_dict(torch.load(io.BytesIO(file), weights_only=True))
    now = scores(plugin, asked)
    return then is not None and (now is None or not torch.equal(now, then))


def shares_a_loaded_state(make: Make) -> bool:
    """Whether two that loaded one state, or the one that gave it, change each other."""
    asked = question()
    giver, one, other = practised(make, asked.layer), make(), make()
    assert isinstance(giver, Criterion)
    assert isinstance(one, Criterion)
    assert isinstance(other, Criterion)
    state = giver.state_dict()
    one.load_state_dict(state)
    other.load_state_dict(state)
    before = scores(other, asked)
    if before is None:
        return False
    for seed in range(3):
        one.observe(mapped(question(seed=seed + 10).layer, torch.clone))
    after, given = scores(other, asked), scores(giver, asked)
    return after is None or given is None or not torch.equal(before, after) or not torch.equal(before, given)


def saves_few_of_many(make: Make) -> bool:
    """Whether some of two hundred layers has other scores after saving and loading."""
    plugin, loaded = make(), make()
    asked = [question(seed=number) for number in range(200)]
    asked = [replace(each, layer=replace(each.layer, name=f"layers.{i}.weight")) for i, each in enumerate(asked)]
    for each in asked:
        for earlier in history(each.layer, 2):
            plugin.observe(earlier)  # type: ignore[union-attr]
    loaded.load_state_dict(torch.load(io.BytesIO(saved(plugin)), weights_only=True))
    pairs = [(scores(plugin, each), scores(loaded, each)) for each in asked]
    return any(then is not None and (now is None or not torch.equal(then, now)) for then, now in pairs)
