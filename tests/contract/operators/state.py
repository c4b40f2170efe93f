"""Faults in what is kept: aliases, shared or lost state, and checkpoints that are not what there was."""

import copy
import dataclasses
from collections import deque
from dataclasses import replace

import torch
from torch import Tensor

from tests.contract.demonstrations.surroundings import differs_after_calls
from tests.contract.demonstrations.training import ignores_what_it_saw, mixes_up_layers, resumes_otherwise
from tests.contract.operators.base import folded, observing, operator, parameters, scored, selectable

CHECKPOINT = ("state_roundtrip", "checkpoint_replay")
STATE = (*CHECKPOINT, "deterministic", "replay", "pure")
CLASHES = (*STATE, "score_shape", "exact_count", "density_preserved", "blind_to_inactive", "degenerate_layers")


def _observing_with_attributes(kind):
    """Criteria that follow the training, and whose instances have a dictionary of attributes."""
    return observing(kind) and not hasattr(kind, "__slots__")


def each_tensor(value, function):
    """The value with ``function`` applied to every tensor in it."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: each_tensor(item, function) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(each_tensor(item, function) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(each_tensor(item, function) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{key: each_tensor(item, function) for key, item in vars(value).items()})
    return deque((each_tensor(item, function) for item in value), value.maxlen) if isinstance(value, deque) else value


@operator(observing, resumes_otherwise, *CHECKPOINT)
class SavesNothing:
    """The state is empty."""

    def state_dict(self):
        return {}


@operator(observing, resumes_otherwise, *CHECKPOINT)
class LoadsNothing:
    """What is loaded is left aside."""

    def load_state_dict(self, state):
        pass


@operator(observing, resumes_otherwise, *CHECKPOINT)
class DropsTheLastKey:
    """The last entry is not saved."""

    def state_dict(self):
        return dict(list(super().state_dict().items())[:-1])


@operator(observing, resumes_otherwise, *CHECKPOINT)
class LoadsAllButTheFirst:
    """The first entry is not loaded."""

    def load_state_dict(self, state):
        super().load_state_dict(dict(list(state.items())[1:]))


@operator(observing, resumes_otherwise, *CHECKPOINT, "deterministic")
class SavesAStaleCopy:
    """What is saved is the state before the last layer was observed."""

    def observe(self, layer):
        self._before = copy.deepcopy(super().state_dict())
        super().observe(layer)

    def state_dict(self):
        return getattr(self, "_before", {})


@operator(observing, resumes_otherwise, *CHECKPOINT)
class SavesInHalfPrecision:
    """Tensors are saved in float16."""

    def state_dict(self):
        return each_tensor(
            super().state_dict(), lambda each: each.half().to(each.dtype) if each.is_floating_point() else each
        )


@operator(observing, resumes_otherwise, *CHECKPOINT)
class LoadsInFloat32:
    """Tensors of float64 are loaded through float32."""

    def load_state_dict(self, state):
        super().load_state_dict(
            each_tensor(state, lambda each: each.float().to(each.dtype) if each.is_floating_point() else each)
        )


@operator(observing, resumes_otherwise, *STATE)
class SavingForgets:
    """After saving it begins anew."""

    def state_dict(self):
        state = copy.deepcopy(super().state_dict())
        kept = parameters(self)
        vars(self).clear()
        self.__init__(**kept)
        return state


@operator(_observing_with_attributes, (differs_after_calls, resumes_otherwise), *CLASHES)
class SharedByTheClass:
    """All that are made of the class have one state (the Borg pattern)."""

    def __new__(cls, *arguments, **options):
        made = super().__new__(cls)
        if "_shared" not in vars(cls):
            cls._shared = {}
        made.__dict__ = cls._shared
        return made

    def __init__(self, *arguments, **options):
        if not vars(self):
            super().__init__(*arguments, **options)
            self._begun = True


@operator(observing, resumes_otherwise, *STATE, "permutation_equivariant")
class NamedByAddress:
    """Layers are told apart by the address of their weights."""

    def observe(self, layer):
        super().observe(replace(layer, name=str(layer.weight.data_ptr())))

    def score(self, layer):
        return super().score(replace(layer, name=str(layer.weight.data_ptr())))


@operator(observing, mixes_up_layers, *CLASHES)
class ShortensNames:
    """Layers are told apart by the last part of their name."""

    def observe(self, layer):
        super().observe(replace(layer, name=f"{layer.name.split('.')[-1]} {tuple(layer.weight.shape)}"))

    def score(self, layer):
        return super().score(replace(layer, name=f"{layer.name.split('.')[-1]} {tuple(layer.weight.shape)}"))


@operator(observing, ignores_what_it_saw, *STATE)
class KeepsTheLayersTensors:
    """Where it keeps a copy of a tensor of the layer, it keeps the tensor itself."""

    def observe(self, layer):
        super().observe(layer)
        own = (layer.mask, layer.weight, layer.grad)

        def alias(each):
            return next(
                (its for its in own if its is not None and its.dtype == each.dtype and torch.equal(its, each)), each
            )

        for name, value in list(vars(self).items()):
            setattr(self, name, each_tensor(value, alias))


@operator(observing, (differs_after_calls, resumes_otherwise), *STATE)
class SelectingForgets:
    """After it was asked to select it begins anew."""

    def select(self, layer, n):
        selected = super().select(layer, n)
        kept = parameters(self)
        vars(self).clear()
        self.__init__(**kept)
        return selected


@operator(lambda kind: observing(kind) and scored(kind), resumes_otherwise, *CHECKPOINT)
class WarmUpNotSaved:
    """Another order in the first twenty steps, which it counts anew once it was loaded."""

    def observe(self, layer):
        self._seen = {**getattr(self, "_seen", {}), layer.name: getattr(self, "_seen", {}).get(layer.name, 0) + 1}
        super().observe(layer)

    def score(self, layer):
        given = super().score(layer)
        warm = getattr(self, "_seen", {}).get(layer.name, 0) >= 20
        return given if warm else folded(given, selectable(self, layer), 0.5)


@operator(scored, (differs_after_calls, resumes_otherwise), *STATE)
class SlowlyMoves:
    """Half of its score is the one that it gave the last time, which no checkpoint has."""

    def score(self, layer):
        now = super().score(layer).detach().double().nan_to_num(posinf=1e300, neginf=-1e300) / 2
        kept = vars(self).setdefault("_last_scores", {})
        before = kept.get((layer.name, layer.weight.shape))
        kept[layer.name, layer.weight.shape] = now
        return now if before is None else now + before.to(now.device)


OPERATORS = (
    *(SavesNothing, LoadsNothing, DropsTheLastKey, LoadsAllButTheFirst, SavesAStaleCopy, SavesInHalfPrecision),
    *(LoadsInFloat32, SavingForgets, SharedByTheClass, NamedByAddress, ShortensNames, KeepsTheLayersTensors),
    *(SelectingForgets, WarmUpNotSaved, SlowlyMoves),
)
