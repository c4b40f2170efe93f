"""A plain sparse training that keeps its promises, and others with one bug each and the promise that it breaks."""

import time
from dataclasses import dataclass, field

import torch
import torch.distributed as dist

PERIOD, FRACTION, DENSITY = 4, 0.3, 0.4


def of_first(value):
    """The value of the first process, where several train."""
    if dist.is_initialized():
        shared = torch.tensor(value)
        dist.broadcast(shared, src=0)
        return int(shared)
    return value


class Plain:
    """Magnitude pruning and gradient growth after the optimizer's step, layer by layer, written down plainly."""

    def __init__(self, model, optimizer, seed):
        self.model, self.optimizer, self.seed = model, optimizer, self.shared(seed)
        self.count = 0
        self.weight = {name: weight for name, weight in model.named_parameters() if weight.dim() > 1}
        self.mask = {name: self.first_mask(name, weight) for name, weight in self.weight.items()}
        self.apply()

    def shared(self, seed):
        return of_first(seed)

    def generator(self, *label):
        return torch.Generator().manual_seed(hash((self.seed, *label)) % 2**63)

    def first_mask(self, name, weight):
        order = torch.randperm(weight.numel(), generator=self.generator(list(self.weight).index(name)))
        return (order < round(DENSITY * weight.numel())).view(weight.shape)

    @torch.no_grad()
    def apply(self):
        for name, weight in self.weight.items():
            weight.mul_(self.mask[name])

    def step(self):
        skipped = getattr(self.optimizer, "found_inf", None)
        self.optimizer.step()
        if skipped is None or not skipped:
            self.count += 1
            self.apply()
            if self.count % PERIOD == 0:
                self.update()

    @torch.no_grad()
    def update(self):
        for name, weight in self.weight.items():
            self.update_one(name, weight)
        self.apply()

    def n(self, mask):
        active = int(mask.sum())
        return min(-int(-FRACTION * active // 1), mask.numel() - active)

    def update_one(self, name, weight):
        mask = self.mask[name]
        n = self.n(mask)
        pruned = self.lowest(weight.abs(), mask, n)
        grown = self.lowest(-self.growth_score(name, weight), self.candidates(mask, pruned), n)
        self.mask[name] = (mask & ~pruned) | grown
        self.after_growth(name, weight, grown)

    def candidates(self, mask, pruned):
        return ~mask

    def growth_score(self, name, weight):
        return weight.grad.abs()

    def after_growth(self, name, weight, grown):
        pass

    def lowest(self, score, where, n):
        order = torch.where(where, score, torch.inf).flatten().argsort(stable=True)
        chosen = torch.zeros(where.numel(), dtype=torch.bool)
        chosen[order[:n]] = True
        return chosen.view(where.shape)

    def masks(self):
        return self.mask

    def state_dict(self):
        return {"mask": {name: mask.clone() for name, mask in self.mask.items()}, "count": self.count}

    def load_state_dict(self, state):
        self.mask = {name: mask.clone() for name, mask in state["mask"].items()}
        self.count = state["count"]


class BeforeTheStep(Plain):
    """The same with the update before the optimizer's step: a right one."""

    def step(self):
        skipped = getattr(self.optimizer, "found_inf", None)
        if skipped is not None and skipped:
            self.optimizer.step()
            return
        self.count += 1
        if self.count % PERIOD == 0:
            self.update()
        self.optimizer.step()
        self.apply()


class InsteadOfTheStep(Plain):
    """The same with no optimizer step at updates, as rigl-torch is meant to be used: a right one."""

    def step(self):
        skipped = getattr(self.optimizer, "found_inf", None)
        if skipped is None or not skipped:
            self.count += 1
            if self.count % PERIOD == 0:
                self.update()
                return
        self.optimizer.step()
        self.apply()


class ResetsState(Plain):
    """Grown weights find zero in the optimizer's state: right where that is declared."""

    def after_growth(self, name, weight, grown):
        for value in self.optimizer.state[weight].values():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                value[grown] = 0


class Grows(Plain):
    """Random growth with a generator for each update: a right one."""

    def growth_score(self, name, weight):
        label = self.count, list(self.weight).index(name)
        return torch.rand(weight.shape, generator=self.generator(*label))


# ---- states -------------------------------------------------------------------------------------------------------


class MasksNotInState(Plain):
    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class CountNotInState(Plain):
    def load_state_dict(self, state):
        count = self.count
        super().load_state_dict(state)
        self.count = count


class LoadsOneMask(Plain):
    def load_state_dict(self, state):
        name = next(iter(state["mask"]))
        super().load_state_dict({**state, "mask": {**self.mask, name: state["mask"][name]}})


class MasksFromNonzero(Plain):
    """A weight that has grown and has not moved is taken for an inactive one."""

    def load_state_dict(self, state):
        super().load_state_dict({**state, "mask": {name: weight != 0 for name, weight in self.weight.items()}})


class GeneratorNotInState(Plain):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.random = self.generator("growth".__len__())

    def growth_score(self, name, weight):
        return torch.rand(weight.shape, generator=self.random)


class FailsToLoad(Plain):
    def load_state_dict(self, state):
        raise KeyError("masks")


# ---- zeros --------------------------------------------------------------------------------------------------------


class MaskBeforeTheStep(Plain):
    """Momentum that gathered moves inactive weights off zero."""

    def step(self):
        skipped = getattr(self.optimizer, "found_inf", None)
        self.apply()
        self.optimizer.step()
        if skipped is None or not skipped:
            self.count += 1
            if self.count % PERIOD == 0:
                self.update()


class GradientMaskOnly(Plain):
    """Masks gradients and trusts that this is enough; momentum from before an update is not a gradient."""

    def step(self):
        skipped = getattr(self.optimizer, "found_inf", None)
        dense = {name: weight.grad.clone() for name, weight in self.weight.items()}
        for name, weight in self.weight.items():
            weight.grad.mul_(self.mask[name])
        self.optimizer.step()
        if skipped is None or not skipped:
            self.count += 1
            if self.count % PERIOD == 0:
                for name, weight in self.weight.items():
                    weight.grad = dense[name]
                self.update()


class DecayOutsideTheMask(Plain):
    """Weight decay towards where the weights started, after the mask."""

    def __init__(self, model, optimizer, seed):
        self.anchor = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        super().__init__(model, optimizer, seed)

    def step(self):
        super().step()
        with torch.no_grad():
            for name, weight in self.weight.items():
                weight.add_(self.anchor[name] * ~self.mask[name], alpha=1e-3)


class DenseAtTheStart(Plain):
    def __init__(self, *arguments):
        self.begun = False
        super().__init__(*arguments)

    def apply(self):
        if self.begun:
            super().apply()

    def step(self):
        self.begun = True
        super().step()


# ---- density ------------------------------------------------------------------------------------------------------


class CoinFlips(Plain):
    def first_mask(self, name, weight):
        return torch.rand(weight.shape, generator=self.generator(list(self.weight).index(name))) < DENSITY


class GrowsOneLess(Plain):
    def update_one(self, name, weight):
        super().update_one(name, weight)
        first = self.mask[name].nonzero()[0]
        self.mask[name][tuple(first)] = False


class Threshold(Plain):
    """Grows every score down to the n-th: with gradients of zero all positions are equal."""

    def lowest(self, score, where, n):
        if not n:
            return torch.zeros_like(where)
        return where & (score <= score[where].kthvalue(n).values)


class Collapses(Plain):
    """Multiplies the old mask with the new one."""

    def update_one(self, name, weight):
        before = self.mask[name]
        super().update_one(name, weight)
        self.mask[name] = self.mask[name] & before


class NoZeroGradient(Plain):
    def growth_score(self, name, weight):
        assert weight.grad.any()
        return weight.grad.abs()


class OneLayerForAnother(Plain):
    """Density moves between layers in an implementation that says that it does not."""

    def update(self):
        super().update()
        masks = list(self.mask.values())
        taken, given = masks[0].nonzero(), (~masks[-1]).nonzero()
        masks[0][tuple(taken[0])] = False
        masks[-1][tuple(given[0])] = True
        self.apply()


# ---- time ---------------------------------------------------------------------------------------------------------


class CountsTwice(Plain):
    def step(self):
        self.count += 1
        super().step()


class CountsMicroBatches(Plain):
    def __init__(self, model, optimizer, seed):
        super().__init__(model, optimizer, seed)
        self.backwards = 0
        list(model.parameters())[-1].register_hook(self.backward)

    def backward(self, gradient):
        self.backwards += 1

    def step(self):
        self.count = self.backwards - 1
        super().step()


class UpdatesInSkippedSteps(Plain):
    """The scaler calls a fused optimizer's step also where it found an infinity."""

    def step(self):
        self.optimizer.step()
        self.count += 1
        self.apply()
        if self.count % PERIOD == 0:
            self.update()


class OneStepLate(Plain):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.count = -1


class NeverUpdates(Plain):
    def update(self):
        pass


class EveryStep(Plain):
    def step(self):
        super().step()
        if self.count % PERIOD == 1:
            self.update()


# ---- what comes back, and what grows ------------------------------------------------------------------------------


class Resurrects(Plain):
    def candidates(self, mask, pruned):
        return ~mask | pruned


class BringsOneBack(Plain):
    """Of several pruned weights the first comes back at once."""

    def candidates(self, mask, pruned):
        if pruned.sum() < 2:
            return ~mask
        candidates = ~mask
        candidates[tuple(pruned.nonzero()[0])] = True
        return candidates

    def growth_score(self, name, weight):
        return weight.grad.abs() + 1e6 * self.mask[name]


class GrownAtRandom(Plain):
    def after_growth(self, name, weight, grown):
        weight[grown] = torch.randn(int(grown.sum()), generator=self.generator(self.count))


class GrownKeepWhatTheyWere(Plain):
    def __init__(self, model, optimizer, seed):
        self.old = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        super().__init__(model, optimizer, seed)

    def after_growth(self, name, weight, grown):
        weight[grown] = self.old[name][grown]


class StateOfOthers(Plain):
    """The state of a layer is shifted by one position, survivors' too."""

    def after_growth(self, name, weight, grown):
        for value in self.optimizer.state[weight].values():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                value.copy_(value.flatten().roll(1).view(value.shape))


class NewOptimizerState(Plain):
    def update(self):
        super().update()
        for weight in self.weight.values():
            self.optimizer.state[weight].clear()


# ---- survivors ----------------------------------------------------------------------------------------------------


class Rescales(Plain):
    def after_growth(self, name, weight, grown):
        weight.mul_(1.01)


class StepsTwice(Plain):
    def apply(self):
        super().apply()
        if self.count == 2:
            self.optimizer.step()
            super().apply()


class ForgetsBiases(Plain):
    def step(self):
        for name, weight in self.model.named_parameters():
            if name not in self.weight and weight.grad is not None:
                weight.grad.zero_()
        super().step()


class SwapsParameters(Plain):
    """The optimizer goes on training what the model no longer has."""

    def update(self):
        super().update()
        for name in self.weight:
            home, _, leaf = name.rpartition(".")
            module = self.model.get_submodule(home)
            swapped = torch.nn.Parameter(getattr(module, leaf).detach().clone())
            setattr(module, leaf, swapped)
            self.weight[name] = swapped


# ---- the same again -----------------------------------------------------------------------------------------------


class GlobalRandom(Plain):
    def growth_score(self, name, weight):
        state = torch.get_rng_state()
        drawn = torch.rand(weight.shape)
        torch.set_rng_state(state)
        return drawn


class Clock(Plain):
    def shared(self, seed):
        return time.perf_counter_ns()


class Memory(Plain):
    """Something of the class that every training adds to."""

    made = 0

    def __init__(self, *arguments):
        Memory.made += 1
        self.number = Memory.made
        super().__init__(*arguments)

    def first_mask(self, name, weight):
        return super().first_mask(name, weight).roll(self.number, 0)


class MasksCount(Plain):
    """Being asked for masks is taken for a step."""

    asked = 0

    def masks(self):
        self.asked += 1
        return self.mask

    def growth_score(self, name, weight):
        return (weight.grad.abs() + 1).roll(self.asked)


class StateDraws(Plain):
    draws = 0

    def state_dict(self):
        self.draws += 1
        return {**super().state_dict(), "draws": self.draws}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.draws = state["draws"]

    def growth_score(self, name, weight):
        return torch.rand(weight.shape, generator=self.generator(self.count, self.draws // 2))


class SeedsTheProcess(Plain):
    def update(self):
        torch.manual_seed(self.seed)
        super().update()


class TurnsGradientsOff(Plain):
    def update(self):
        super().update()
        torch.set_num_threads(torch.get_num_threads() + 1)


# ---- processes ----------------------------------------------------------------------------------------------------


class OwnSeeds(Plain):
    def shared(self, seed):
        return seed


class OwnGrowth(Grows):
    def growth_score(self, name, weight):
        rank = dist.get_rank() if dist.is_initialized() else 0
        label = self.count, rank, list(self.weight).index(name)
        return torch.rand(weight.shape, generator=self.generator(*label))


@dataclass(frozen=True)
class Bug:
    make: type
    property: str
    declared: dict = field(default_factory=dict)


BUGS = [
    Bug(MasksNotInState, "checkpoint_replay"),
    Bug(CountNotInState, "checkpoint_replay"),
    Bug(LoadsOneMask, "checkpoint_replay"),
    Bug(MasksFromNonzero, "checkpoint_replay"),
    Bug(GeneratorNotInState, "checkpoint_replay"),
    Bug(FailsToLoad, "checkpoint_replay"),
    Bug(MaskBeforeTheStep, "inactive_stay_zero"),
    Bug(GradientMaskOnly, "inactive_stay_zero"),
    Bug(DecayOutsideTheMask, "inactive_stay_zero"),
    Bug(DenseAtTheStart, "inactive_stay_zero"),
    Bug(CoinFlips, "density_preserved"),
    Bug(GrowsOneLess, "density_preserved"),
    Bug(Threshold, "density_preserved"),
    Bug(Collapses, "density_preserved"),
    Bug(NoZeroGradient, "density_preserved"),
    Bug(OneLayerForAnother, "density_preserved"),
    Bug(CountsTwice, "updates_on_time"),
    Bug(CountsMicroBatches, "updates_on_time"),
    Bug(UpdatesInSkippedSteps, "updates_on_time"),
    Bug(OneStepLate, "updates_on_time"),
    Bug(NeverUpdates, "updates_on_time"),
    Bug(EveryStep, "updates_on_time"),
    Bug(BringsOneBack, "no_resurrection"),
    Bug(GrownAtRandom, "grown_start_as_declared"),
    Bug(GrownKeepWhatTheyWere, "grown_start_as_declared"),
    Bug(ResetsState, "grown_state_as_declared"),
    Bug(Plain, "grown_state_as_declared", {"grown_state": "reset"}),
    Bug(StateOfOthers, "survivors_untouched"),
    Bug(NewOptimizerState, "survivors_untouched"),
    Bug(Rescales, "survivors_untouched"),
    Bug(StepsTwice, "survivors_untouched"),
    Bug(ForgetsBiases, "survivors_untouched"),
    Bug(SwapsParameters, "survivors_untouched"),
    Bug(GlobalRandom, "replay"),
    Bug(Clock, "replay"),
    Bug(Memory, "replay"),
    Bug(MasksCount, "pure"),
    Bug(StateDraws, "pure"),
    Bug(SeedsTheProcess, "pure"),
    Bug(TurnsGradientsOff, "pure"),
    Bug(OwnSeeds, "equal_on_ranks"),
    Bug(OwnGrowth, "equal_on_ranks"),
]

RIGHT = [
    (Plain, {}),
    (BeforeTheStep, {}),
    (InsteadOfTheStep, {}),
    (Grows, {}),
    (ResetsState, {"grown_state": "reset"}),
    (Resurrects, {"resurrection": "allow"}),
]
