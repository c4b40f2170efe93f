"""What is measured of a training is what happened in it, and measuring changes nothing."""

import io
import itertools
import json
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from benchmark.experiments.outcome import Outcome
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import engine_named
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.measurements.jaccard import Comparison
from benchmark.training.members import Member
from criteria import Criterion, DensitySchedule, Layer, load
from criteria.errors import PluginError
from criteria.plugins import Spec
from tests.training.small_fleets import CPU, MLP, all_masks, all_weights, recipe, setup, some_data

BATCH = 32
TRAINING = TrainingSettings(epochs=3, batch_size=BATCH, learning_rate=0.05)
EXAMPLES = 180
"""A third is for training: batches of 32 and 28 in each epoch."""
FLOPS = 2
"""Of each weight of a perceptron, for one example."""


@dataclass
class Remembering(Criterion):
    """MEST that remembers what it pruned."""

    requires_grad: ClassVar[bool] = True
    pruned: list[Tensor] = field(default_factory=list)

    def select(self, layer: Layer, n: int) -> Tensor:
        self.pruned.append(load("mest").select(layer, n))
        return self.pruned[-1]


@pytest.fixture
def trained(kept_engines):
    """Trains members; returns outcomes, the masks before and after each step, and the weights after the last one."""

    def train(members):
        dataset, how = some_data(6, examples=EXAMPLES), setup(MLP, TRAINING)
        seen = [all_masks(engine_named("dense").make(members, how, dataset, CPU))]
        outcomes = train_fleet(members, how, dataset, CPU, lambda *_: seen.append(all_masks(kept_engines[-1])))
        return outcomes, seen, all_weights(kept_engines[-1])

    return train


def members():
    ways = itertools.product(("magnitude", "snip", "grasp"), ("random", "gradient", "momentum"), ("local", "global"))
    return [Member(1, 0.2), Member(1, 1.0)] + [
        Member(seed, 0.2, "erk", recipe(criterion, growth, scope=scope))
        for seed, (criterion, growth, scope) in enumerate(ways, start=1)
    ]


def test_weights_ever_active_are_those_of_every_mask_together(trained):
    outcomes, masks, _ = trained(members())
    for index, outcome in enumerate(outcomes):
        together = {name: torch.stack([step[name][index] for step in masks]).any(0) for name in masks[0]}
        assert outcome.measured.ever_active == {name: each.double().mean().item() for name, each in together.items()}
        everything = torch.cat([each.flatten() for each in together.values()]).double().mean().item()
        assert outcome.measured.ever_active_of_all == pytest.approx(everything, rel=1e-12)
    assert outcomes[0].measured.ever_active_of_all == pytest.approx(0.2, abs=0.01)
    assert outcomes[1].measured.ever_active_of_all == 1
    assert all(outcome.measured.ever_active_of_all > 0.25 for outcome in outcomes[2:])


def test_the_density_of_a_layer_is_kept_by_epoch_where_it_moves_and_left_out_where_it_does_not(trained):
    outcomes, masks, _ = trained(members())
    for index, (member, outcome) in enumerate(zip(members(), outcomes, strict=True)):
        by_epoch = {name: [step[name][index].double().mean().item() for step in masks[::2]] for name in masks[0]}
        moving = {name: each for name, each in by_epoch.items() if len(set(each)) > 1}
        assert outcome.measured.density_by_epoch == moving
        assert bool(moving) == (member.recipe is not None and member.recipe.topology.scope == "global")


def test_flops_are_those_of_every_step_with_the_mask_that_it_had(trained):
    outcomes, masks, _ = trained(members())
    sizes = {name: mask[0].numel() for name, mask in masks[0].items()}
    total = sum(sizes.values())
    batches = [BATCH, EXAMPLES // 3 - BATCH] * TRAINING.epochs
    for index, (member, outcome) in enumerate(zip(members(), outcomes, strict=True)):
        training = 0
        for step, batch in enumerate(batches, start=1):
            active = sum(int(mask[index].sum()) for mask in masks[step - 1].values())
            update = member.recipe is not None and step % 2 == 0
            growth = type(member.recipe.growth).__name__ if member.recipe else None
            reads_all = growth == "MomentumGrowth" or (update and growth == "GradientGrowth")
            training += batch * FLOPS * (2 * active + (total if reads_all else active))
            if update and type(member.recipe.criterion).__name__ == "GraSP":
                training += batch * FLOPS * 9 * total
        flops = outcome.measured.flops
        assert flops.training == training
        assert flops.training_dense == sum(batches) * FLOPS * 3 * total
        assert flops.inference == FLOPS * sum(int(mask[index].sum()) for mask in masks[-1].values())
        assert flops.inference_dense == FLOPS * total


def of_momentum(**settings):
    """FLOPs of a training whose growth reads the momentum, less those of one at random, and the inactive weights."""
    how = setup(MLP, TRAINING)
    members = [Member(1, 0.2, "erk", recipe("magnitude", growth, **settings)) for growth in ("momentum", "random")]
    with_it, without = train_fleet(members, how, some_data(6, examples=EXAMPLES), CPU)
    weights = with_it.measured.weights
    inactive = {name: round(size * (1 - with_it.density[name])) for name, size in weights.items()}
    return with_it.measured.flops.training - without.measured.flops.training, inactive


def test_momentum_costs_what_growth_reads_of_it():
    """Nothing in a layer that is fixed, nothing once the topology rests, and nothing where no weight grows."""
    epoch = EXAMPLES // 3
    everywhere, inactive = of_momentum()
    assert everywhere == FLOPS * sum(inactive.values()) * epoch * TRAINING.epochs
    cost, inactive = of_momentum(fixed=("last",))
    assert cost == FLOPS * sum(list(inactive.values())[:-1]) * epoch * TRAINING.epochs
    cost, inactive = of_momentum(update_until=0.5)  # the only update is at step 2 of 6
    assert cost == FLOPS * sum(inactive.values()) * epoch
    cost, _ = of_momentum(density_schedule=Spec("gmp"))
    assert cost == 0


class Fills(DensitySchedule):
    """Half of the density at first, all of it from half of the training on, and nothing is replaced."""

    replaces: ClassVar[bool] = False

    def density(self, final, done):
        return final * min(1.0, 0.5 + done)


@pytest.mark.parametrize("growth", ["gradient", "momentum"])
def test_what_grows_where_weights_only_come_costs_what_its_growth_reads(growth):
    """The updates are at steps 2, 4 and 6 of 6, of which the first two grow something."""

    def outcome(growth):
        filling = recipe("magnitude", growth, density_schedule=Spec("gmp"))
        filling.__dict__["schedule"] = Fills()  # in its place, as none that is installed only adds weights
        return train_fleet([Member(1, 0.2, "erk", filling)], setup(MLP, TRAINING), some_data(6), CPU)[0]

    found = outcome(growth)
    active, total = found.active_by_epoch, sum(found.measured.weights.values())
    assert active[0] < active[1] < active[2] == active[3]
    last, epoch = EXAMPLES // 3 - BATCH, EXAMPLES // 3
    read = {"gradient": last, "momentum": epoch}[growth] * sum(total - each for each in active[:2])
    flops = outcome("random").measured.flops.training
    assert found.measured.flops.training - flops == pytest.approx(FLOPS * read)


class Pauses(Fills):
    """The other half comes at the last update alone."""

    def density(self, final, done):
        return final if done == 1 else final / 2


def test_momentum_that_gathers_while_nothing_grows_costs_something_once_a_growth_reads_it():
    """The updates are at steps 2, 4 and 6 of 6, of which the last one grows something."""

    def outcome(growth):
        pausing = recipe("magnitude", growth, density_schedule=Spec("gmp"))
        pausing.__dict__["schedule"] = Pauses()
        return train_fleet([Member(1, 0.2, "erk", pausing)], setup(MLP, TRAINING), some_data(6), CPU)[0]

    found, without = outcome("momentum"), outcome("random")
    active, total = found.active_by_epoch, sum(found.measured.weights.values())
    assert active[0] == active[1] == active[2] < active[3]
    read = EXAMPLES // 3 * TRAINING.epochs * (total - active[0])
    more = found.measured.flops.training - without.measured.flops.training
    assert more == pytest.approx(FLOPS * read)


ASKED = ("magnitude", "set", "snip", "random", "grasp")


@pytest.mark.parametrize("comparison", [Comparison((), every=2), Comparison((), every=None, fractions=(0.5, 0.1))])
def test_a_training_in_which_criteria_are_compared_has_the_same_bits(trained, comparison):
    comparison = replace(comparison, criteria=tuple(map(load, ASKED)))
    plain, _, alone = trained(members())
    compared, _, watched = trained([replace(member, comparison=comparison) for member in members()])
    for name, weight in alone.items():
        assert torch.equal(weight, watched[name])
    for before, after in zip(plain, compared, strict=True):
        asked, after.measured.overlaps = after.measured.overlaps, []
        assert before == after
        # a member without topology updates has nothing to compare
        many = 0 if before.measured.ever_active == before.density else len(comparison.fractions or (1, 2, 3))
        assert len(asked) == many


def test_what_criteria_would_prune_is_what_they_do_prune(trained):
    ours, theirs = Remembering(), Remembering()
    how = replace(recipe("mest"), criterion=ours)
    outcomes, _, _ = trained([Member(1, 0.2, "erk", how, Comparison((theirs, load("magnitude")), every=1))])
    assert len(ours.pruned) == len(theirs.pruned) == 9  # three layers at three updates
    assert all(torch.equal(a, b) for a, b in zip(ours.pruned, theirs.pruned, strict=True))
    steps = [(overlap.step, overlap.fraction) for overlap in outcomes[0].measured.overlaps]
    assert steps == [(step, how.topology.prune_fraction.at(step, 6)) for step in (2, 4, 6)]


@pytest.mark.parametrize("stopped", [1, 2, 3, 5])
def test_a_training_that_goes_on_from_a_checkpoint_has_measured_what_an_undisturbed_one_has(stopped):
    def training():
        comparison = Comparison(tuple(map(load, ASKED)), every=1)
        fleet = [replace(member, comparison=comparison) for member in members()]
        return FleetTraining(fleet, setup(MLP, TRAINING), some_data(6, examples=EXAMPLES), CPU)

    undisturbed, first, second = training(), training(), training()
    file = io.BytesIO()
    for step in first.steps():
        if step == stopped:
            torch.save(first.state_dict(), file)
            break
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    for each in (undisturbed, second):
        list(each.steps())
    assert second.finish() == undisturbed.finish()


def test_a_criterion_that_fails_when_it_is_compared_is_named_in_one_line(trained):
    class Broken(Criterion):
        def __repr__(self):
            return "broken()"

        def score(self, layer):
            return next(each for each in () if each)

    comparison = Comparison((load("magnitude"), Broken()))
    with pytest.raises(
        PluginError, match=r"comparing Magnitude\(\), broken\(\) failed at step 2: StopIteration"
    ) as error:
        trained([Member(1, 0.2, "erk", recipe("snip"), comparison)])
    assert "\n" not in str(error.value)


def test_what_was_measured_can_be_written_down_as_it_is(trained):
    comparison = Comparison(tuple(map(load, ASKED)), every=1)
    outcomes, _, _ = trained([Member(1, 0.2, "erk", recipe("snip", scope="global"), comparison)])
    adapter = TypeAdapter(Outcome)
    content = adapter.dump_json(outcomes[0])
    assert adapter.validate_json(content, strict=True) == outcomes[0]
    older = {key: value for key, value in json.loads(content).items() if key != "measured"}
    assert adapter.validate_json(json.dumps(older), strict=True) == replace(outcomes[0], measured=None)
