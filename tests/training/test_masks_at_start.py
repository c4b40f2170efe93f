"""Static masks that are chosen before training: by magnitude, SNIP, GraSP and SynFlow."""

import copy
import sys
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from baselines import Baseline
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import _possible
from benchmark.experiments.runs import Rule, expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import SPARSE
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.initial import initial_networks
from benchmark.training.masks_at_start import with_chosen_masks
from benchmark.training.members import Member, member_of
from criteria import InputError
from criteria.errors import PluginError
from criteria.plugins import Spec, load
from tests.training.small_fleets import CPU, LENET5, MLP, setup, some_data

TRAINING = TrainingSettings(epochs=1, batch_size=32, learning_rate=0.05)
NAMES = ("static_magnitude", "static_snip", "static_grasp", "static_synflow")
DATA = some_data(6)


def scored(name, network, inputs, targets):
    """The scores of a baseline by name, on a copy of a network."""
    weights = [name for name, weight in network.named_parameters() if weight.dim() > 1]
    made = copy.deepcopy(network).eval()
    return load(name, "baseline").scores(made, weights, inputs, lambda logits: F.cross_entropy(logits, targets))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))])
def test_as_many_weights_are_chosen_as_a_drawn_mask_has_and_they_stay(name, model, shape):
    members = [Member(3, 0.2, chooser=load(name, "baseline")), Member(3, 0.2)]
    training = FleetTraining(members, setup(model, TRAINING), some_data(*shape), CPU)
    chosen, drawn = training.engine.masks(0), training.engine.masks(1)
    assert sum(int(mask.sum()) for mask in chosen.values()) == sum(int(mask.sum()) for mask in drawn.values())
    assert any(not torch.equal(chosen[each], drawn[each]) for each in chosen)
    for _ in training.steps():
        pass
    assert all(torch.equal(mask, training.engine.masks(0)[each]) for each, mask in chosen.items())
    assert training.finish()[0].density == {each: float(mask.double().mean()) for each, mask in chosen.items()}


@pytest.mark.parametrize("name", NAMES[:3])
def test_of_all_layers_together_the_highest_scores_stay(name):
    member = Member(3, 0.3, chooser=load(name, "baseline"))
    (network,) = initial_networks([member], MLP, DATA.shape, DATA.classes)
    zeros = {each: torch.zeros(1, *w.shape, dtype=torch.bool) for each, w in network.named_parameters() if w.dim() > 1}
    masks = with_chosen_masks(zeros, [member], [network], DATA)
    # all 60 training examples are fewer than a baseline looks at, so which ones it drew does not matter
    scores = scored(name, network, DATA.train.inputs, DATA.train.targets)
    least = min(float(scores[each][masks[each][0]].min()) for each in scores)
    most = max(float(scores[each][~masks[each][0]].max()) for each in scores)
    assert most < least + 1e-6 * abs(least)


def test_snip_scores_are_the_changes_of_the_loss_and_synflow_scores_add_up_alike_in_every_layer():
    (network,) = initial_networks([Member(1, 1.0)], MLP, DATA.shape, DATA.classes)
    inputs, targets = DATA.train.inputs, DATA.train.targets
    score = scored("static_snip", network, inputs, targets)[next(iter(_weights(network)))]
    name = next(iter(_weights(network)))
    weight = network.double().get_parameter(name)
    losses = []
    for factor in (1 - 1e-6, 1 + 1e-6):
        with torch.no_grad():
            was = weight[0, 0].clone()
            weight[0, 0] *= factor
            losses.append(float(F.cross_entropy(network(inputs.double()), targets)))
            weight[0, 0] = was
    assert abs(losses[1] - losses[0]) / 2e-6 == pytest.approx(float(score[0, 0]), rel=1e-3)
    for parameter in network.parameters():
        if parameter.dim() == 1:
            torch.nn.init.zeros_(parameter)
    flows = [float(each.sum()) for each in scored("static_synflow", network, inputs, targets).values()]
    assert flows == pytest.approx([flows[0]] * len(flows))  # conservation (Tanaka et al., 2020, theorem 2)


def _weights(network):
    return [name for name, weight in network.named_parameters() if weight.dim() > 1]


def test_synflow_leaves_no_layer_without_weights_and_densities_show_how_far_magnitude_is_from_that():
    model = {"name": "mlp", "widths": [64, 64, 64]}
    data = some_data(200)
    members = [Member(1, 0.005, chooser=load(name, "baseline")) for name in ("static_synflow", "static_magnitude")]
    flow, size = train_fleet(members, setup(model, TRAINING), data, CPU)
    assert all(flow.density.values())
    assert min(size.density.values()) < min(flow.density.values())


def test_dense_layers_are_left_out_of_the_choice():
    member = Member(3, 0.2, exclude=("last",), chooser=load("static_snip", "baseline"))
    masks = FleetTraining([member], setup(MLP, TRAINING), DATA, CPU).engine.masks(0)
    *others, last = masks.values()
    assert last.all()
    assert sum(int(mask.sum()) for mask in others) == round(0.2 * sum(mask.numel() for mask in others))


class FirstLayerOnly(Baseline):
    def scores(self, network, names, inputs, loss):
        return {name: network.get_parameter(name).detach() * 0 - number for number, name in enumerate(names)}


def test_a_layer_that_is_left_without_weights_is_in_the_result():
    (outcome,) = train_fleet([Member(1, 0.1, chooser=FirstLayerOnly())], setup(MLP, TRAINING), DATA, CPU)
    first, *others = outcome.density.values()
    assert first > 0
    assert not any(others)
    assert _possible(outcome) is outcome


class ShowsItsNetwork(Baseline):
    shown: ClassVar[list[nn.Module]] = []

    def scores(self, network, names, inputs, loss):
        self.shown.append(network)
        return {name: network.get_parameter(name).detach() for name in names}


class WithoutExamples(ShowsItsNetwork):
    batch_statistics: ClassVar[bool] = False


@pytest.mark.parametrize(("baseline", "by_the_batch"), [(ShowsItsNetwork(), True), (WithoutExamples(), False)])
def test_batch_norm_is_that_of_training_unless_the_baseline_says_otherwise_and_dropout_is_off(baseline, by_the_batch):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(4 * 26**2, 10))
    data = some_data(1, 28, 28)
    masks = {name: torch.zeros(1, *network.get_parameter(name).shape) > 0 for name in ("0.weight", "4.weight")}
    with_chosen_masks(masks, [Member(1, 0.2, chooser=baseline)], [network], data)
    shown = baseline.shown.pop()
    assert {type(each).__name__ for each in shown.modules() if each.training} == (
        {"BatchNorm2d"} if by_the_batch else set()
    )


def test_the_mask_of_a_deep_network_with_batch_norm_keeps_something_of_most_layers():
    """An untrained batch-norm in evaluation mode is the identity, and the scores grow ten thousand times as large."""
    member = Member(1, 0.05, chooser=load("static_snip", "baseline"))
    data = some_data(3, 32, 32, examples=60)
    (network,) = initial_networks([member], {"name": "resnet56"}, data.shape, data.classes)
    names = [name for name, weight in network.named_parameters() if weight.dim() > 1]
    masks = {name: torch.zeros(1, *network.get_parameter(name).shape) > 0 for name in names}
    trained = with_chosen_masks(masks, [member], [network], data)
    assert sum(bool(mask.any()) for mask in trained.values()) > 0.8 * len(names)


class Draws(Baseline):
    """Scores by chance, in two rounds."""

    rounds: ClassVar[int] = 2

    def scores(self, network, names, inputs, loss):
        shapes = {name: network.get_parameter(name).shape for name in names}
        return {name: torch.rand(shape) + torch.rand(1) * np.random.rand() for name, shape in shapes.items()}


def test_what_a_baseline_draws_follows_from_the_seed():
    def chosen(seed, process):
        np.random.seed(process)
        torch.manual_seed(process)
        training = FleetTraining([Member(seed, 0.2, chooser=Draws())], setup(MLP, TRAINING), DATA, CPU)
        return torch.cat([mask.flatten() for mask in training.engine.masks(0).values()])

    assert torch.equal(chosen(1, process=5), chosen(1, process=6))
    assert not torch.equal(chosen(1, process=5), chosen(2, process=5))


class Fails(Baseline):
    def scores(self, network, names, inputs, loss):
        raise RuntimeError("no idea")


class GivesNaN(Baseline):
    def scores(self, network, names, inputs, loss):
        return {name: network.get_parameter(name).detach() * float("nan") for name in names}


class EndsTheProgram(Baseline):
    def scores(self, network, names, inputs, loss):
        sys.exit(0)


@pytest.mark.parametrize(
    ("baseline", "said"), [(Fails(), "no idea"), (GivesNaN(), "NaN"), (EndsTheProgram(), "ends the program")]
)
def test_a_baseline_that_fails_says_what_at(baseline, said):
    with pytest.raises(PluginError, match=f"cannot choose a mask: .*{said}"):
        train_fleet([Member(1, 0.2, chooser=baseline)], setup(MLP, TRAINING), DATA, CPU)


def test_what_does_not_go_together_is_refused():
    assert "chooses its own" in SPARSE.refuses(setup(MLP, TRAINING), Rule(baseline=Spec("static_snip")), CPU)
    member = Member(1, 0.2, fan_in="constant", chooser=load("static_snip", "baseline"))
    with pytest.raises(InputError, match="set fan_in: free"):
        train_fleet([member], setup(MLP, TRAINING), DATA, CPU)


def test_a_run_of_an_experiment_has_the_chooser_of_its_baseline():
    runs = expand(load_experiment("smoke", baselines=["static", "static_grasp(temperature=1.0)"]))
    choosers = {str(run.rule.baseline): member_of(run).chooser for run in runs if run.rule.baseline}
    assert choosers["static"] is None
    assert choosers["static_grasp(temperature=1.0)"].temperature == 1.0


def test_a_chosen_mask_of_units_with_one_fan_in_is_refused_before_anything_is_trained():
    asked = load_experiment("smoke", ["topology.fan_in=constant"], baselines=["static", "static_snip"])
    with pytest.raises(InputError, match=r"static_snip chooses weights one by one.*topology.fan_in: free"):
        expand(asked)


@pytest.mark.parametrize("examples", [0, -5])
def test_a_mask_is_not_chosen_by_no_examples(examples):
    with pytest.raises(InputError, match=rf"static_snip\(examples={examples}\): examples must be 1 or more"):
        expand(load_experiment("smoke", baselines=[f"static_snip(examples={examples})"]))
