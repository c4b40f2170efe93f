"""Where trainings start: initial weights and masks that follow from a member's seed, the same in every engine."""

import copy
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from benchmark.models import build_network, sparse_layer_names
from benchmark.models.trial import require_trainable
from benchmark.training.layer_roles import counts_beside_dense
from benchmark.training.members import Member
from criteria.distribution import random_mask
from criteria.fan_in import fan_in_mask
from criteria.randomness import stream


def initial_networks(
    members: Sequence[Member], model: Mapping[str, object], shape: tuple[int, ...], classes: int
) -> list[nn.Module]:
    """The network of each member with its initial weights, not masked, on the CPU."""
    networks = []
    for member in members:
        with torch.random.fork_rng(devices=[]):  # modules draw their initial weights from the global generator
            torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
            networks.append(build_network(model, shape, classes))
    return [networks[0], *(_like(networks[0], network) for network in networks[1:])]


def _like(first: nn.Module, network: nn.Module) -> nn.Module:
    """The network as one of the same class as the first: a builder may define its class anew at every call."""
    if type(network) is type(first):
        return network
    made = copy.deepcopy(first)
    made.load_state_dict(network.state_dict())
    return made


def structure(model: Mapping[str, object], shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network of a model without values, on the meta device: one object for all who ask, so nobody changes it."""
    return _structure(json.dumps(model), tuple(shape), classes, torch.get_default_dtype())


@lru_cache(maxsize=32)
def _structure(model: str, shape: tuple[int, ...], classes: int, _dtype: torch.dtype) -> nn.Module:
    settings = json.loads(model)
    with torch.device("meta"):
        network = build_network(settings, shape, classes)
    require_trainable(settings["name"], network, shape, classes)
    return network


def initial_masks(members: Sequence[Member], network: nn.Module) -> dict[str, Tensor]:
    """The initial mask of each sparse layer, bool [members, *shape], by the name of the layer's weight."""
    shapes = {name: tuple(network.get_parameter(name).shape) for name in sparse_layer_names(network)}
    masks: dict[str, list[Tensor]] = {name: [] for name in shapes}
    for member in members:
        counts = counts_beside_dense(shapes, member.initial_density, member.distribution, member.exclude)
        for name, shape in shapes.items():
            generator = stream(member.seed, "initial mask", member.initial_density, name)
            draw = random_mask if member.fan_in == "free" else fan_in_mask
            masks[name].append(draw(shape, counts[name], generator))
    return {name: torch.stack(each) for name, each in masks.items()}


def topology_stream(seed: int, step: int, layer: str) -> torch.Generator:
    """The generator that a criterion and a growth draw from for one layer at one optimizer step."""
    return stream(seed, "topology", step, layer)
