"""Faults in the process: settings that are left changed, and inputs that are hidden."""

import datetime
import itertools
import os
import random
import warnings

import numpy as np
import torch

from tests.contract.demonstrations.settings import changes_a_setting
from tests.contract.demonstrations.surroundings import differs_after_calls, differs_elsewhere
from tests.contract.demonstrations.training import resumes_otherwise
from tests.contract.operators.base import (
    any_plugin,
    criterion,
    folded,
    observing,
    operator,
    scored,
    selectable,
    with_score,
)

ELSEWHERE = ("deterministic", "replay", "checkpoint_replay", "state_roundtrip")
MADE = itertools.count()


@operator(with_score, changes_a_setting, "pure")
class SeedsTorchInScore:
    """Seeds torch's global generator."""

    def score(self, layer):
        torch.default_generator.manual_seed(0)
        return super().score(layer)


@operator(any_plugin, changes_a_setting, "pure")
class SeedsNumPyWhenMade:
    """Seeds NumPy when it is made."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        np.random.seed(0)


@operator(observing, changes_a_setting, "pure")
class SeedsPythonWhenLoaded:
    """Seeds Python's generator when it is loaded."""

    def load_state_dict(self, state):
        super().load_state_dict(state)
        random.seed(0)


@operator(criterion, changes_a_setting, "pure")
class OneThreadAfterObserving:
    """Leaves the process with one thread."""

    def observe(self, layer):
        torch.set_num_threads(1)
        super().observe(layer)


@operator(any_plugin, changes_a_setting, "pure")
class DefaultDtypeAfterSelecting:
    """Leaves float32 as the default dtype."""

    def select(self, layer, *arguments):
        torch.set_default_dtype(torch.float32)
        return super().select(layer, *arguments)


@operator(any_plugin, changes_a_setting, "pure")
class NoGradientsAfterSelecting:
    """Leaves gradients off."""

    def select(self, layer, *arguments):
        torch.set_grad_enabled(False)
        return super().select(layer, *arguments)


@operator(with_score, changes_a_setting, "pure")
class NumPySilentAfterScoring:
    """Leaves NumPy's error state changed."""

    def score(self, layer):
        np.seterr(all="ignore")
        return super().score(layer)


@operator(with_score, changes_a_setting, "pure")
class SetsTheEnvironment:
    """Leaves an environment variable behind."""

    def score(self, layer):
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        return super().score(layer)


@operator(observing, changes_a_setting, "pure")
class WarningsOffOnceSaved:
    """Leaves warnings off after saving."""

    def state_dict(self):
        warnings.simplefilter("ignore", UserWarning)
        return super().state_dict()


@operator(any_plugin, changes_a_setting, "pure")
class FlushesDenormals:
    """Leaves denormal numbers flushed to zero."""

    def select(self, layer, *arguments):
        torch.set_flush_denormal(True)
        return super().select(layer, *arguments)


@operator(with_score, changes_a_setting, "pure")
class MatmulPrecisionAfterScoring:
    """Leaves a lower precision of matrix products."""

    def score(self, layer):
        torch.set_float32_matmul_precision("medium")
        return super().score(layer)


@operator(with_score, changes_a_setting, "pure")
class DrawsGlobally:
    """Draws a number from torch's global generator, and does nothing with it."""

    def score(self, layer):
        torch.rand(())
        return super().score(layer)


@operator(scored, differs_elsewhere, *ELSEWHERE)
class DependsOnTheHash:
    """Another order by the hash of the layer's name."""

    def score(self, layer):
        return folded(super().score(layer), selectable(self, layer), hash(layer.name) % 97 / 97)


@operator(scored, differs_elsewhere, *ELSEWHERE)
class DependsOnTheProcess:
    """Another order by the id of the process."""

    def score(self, layer):
        return folded(super().score(layer), selectable(self, layer), os.getpid() % 97 / 97)


@operator(scored, differs_elsewhere, *ELSEWHERE)
class DependsOnTheHour:
    """Another order by the hour of the day."""

    def score(self, layer):
        return folded(super().score(layer), selectable(self, layer), datetime.datetime.now().hour / 24)


@operator(scored, differs_elsewhere, *ELSEWHERE)
class DependsOnTheEnvironment:
    """Another order where an environment variable is set."""

    def score(self, layer):
        given = super().score(layer)
        return folded(given, selectable(self, layer), 0.5) if os.environ.get("PRUNING_MODE") else given


@operator(scored, differs_elsewhere, *ELSEWHERE)
class DependsOnGlobalDraws:
    """Another order by a draw from Python's global generator, whose state it puts back."""

    def score(self, layer):
        state = random.getstate()
        try:
            return folded(super().score(layer), selectable(self, layer), random.random())
        finally:
            random.setstate(state)


@operator(scored, (differs_after_calls, resumes_otherwise), *ELSEWHERE)
class CountsItsCalls:
    """Another order by the number of calls so far."""

    def score(self, layer):
        self._calls = getattr(self, "_calls", -1) + 1
        return folded(super().score(layer), selectable(self, layer), self._calls % 13 / 13)


@operator(scored, (differs_after_calls, resumes_otherwise), *ELSEWHERE)
class NumberedWhenMade:
    """Another order by how many were made before."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        object.__setattr__(self, "_number", next(MADE))  # a frozen plugin has no other way

    def score(self, layer):
        return folded(super().score(layer), selectable(self, layer), self._number % 13 / 13)


@operator(scored, differs_elsewhere, *ELSEWHERE, "no_nan", "blind_to_inactive")
class UninitialisedWhereZero:
    """Where a score is zero there is whatever was in memory."""

    def score(self, layer):
        given = super().score(layer)
        filled = torch.empty_like(given, memory_format=torch.contiguous_format)
        filled[given != 0] = given[given != 0]
        return filled


OPERATORS = (
    *(
        SeedsTorchInScore,
        SeedsNumPyWhenMade,
        SeedsPythonWhenLoaded,
        OneThreadAfterObserving,
        DefaultDtypeAfterSelecting,
    ),
    *(NoGradientsAfterSelecting, NumPySilentAfterScoring, SetsTheEnvironment, WarningsOffOnceSaved, FlushesDenormals),
    *(MatmulPrecisionAfterScoring, DrawsGlobally, DependsOnTheHash, DependsOnTheProcess, DependsOnTheHour),
    *(DependsOnTheEnvironment, DependsOnGlobalDraws, CountsItsCalls, NumberedWhenMade, UninitialisedWhereZero),
)
