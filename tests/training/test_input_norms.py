"""Norms of input activations: what they are, who gets them, and who says no."""

import pytest
import torch
from torch import nn

from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import SPARSE, engine_named
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.engines.input_norms import input_norms
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member
from criteria import InputError, SparseTraining
from criteria.errors import PluginError
from criteria.plugins import Spec
from tests.training.naive_engine import NAIVE
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=1, batch_size=32, learning_rate=0.1)


@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))])
def test_they_are_those_of_every_example_of_the_batch(model, shape):
    data = some_data(*shape)
    members = [Member(seed, 0.3, "erk", recipe("wanda")) for seed in (1, 2)]
    dense, naive = (kind.make(members, setup(model, TRAINING), data, CPU) for kind in (engine_named("dense"), NAIVE))
    inputs, targets = data.train.inputs, data.train.targets
    batch = Batch.of(torch.stack([inputs[:32], inputs[20:52]]), torch.stack([targets[:32], targets[20:52]]))
    for fleet in (dense, naive):
        fleet.backward(batch)
    for member in range(2):
        shown = zip(*(fleet.layers(member, 1, Needs(input_norms=True)) for fleet in (dense, naive)), strict=True)
        for one, other in shown:
            assert one.input_norm.shape == one.weight.shape
            assert bool((one.input_norm > 0).any())
            torch.testing.assert_close(one.input_norm, other.input_norm, atol=1e-4, rtol=1e-4)
    assert all(layer.input_norm is None for layer in dense.layers(0, 1, Needs()))


@pytest.mark.parametrize(
    "make",
    [lambda: nn.Conv2d(6, 8, 3, groups=2), lambda: nn.Conv1d(6, 9, 2, groups=3), lambda: nn.Conv3d(4, 4, 1)],
    ids=["two dimensions", "one dimension", "three dimensions"],
)
def test_a_grouped_convolution_weighs_each_weight_by_the_channel_that_it_reads(make):
    module = make()
    kernel = module.weight.dim() - 2
    inputs = torch.randn(5, module.in_channels, *(4,) * kernel)
    weights = {"0.weight": module.weight, "0.bias": module.bias}
    norms = input_norms(nn.Sequential(module), weights, {}, inputs, ["0.weight"])["0.weight"]
    for output in range(module.out_channels):
        for each in range(module.weight.shape[1]):
            channel = output // (module.out_channels // module.groups) * module.weight.shape[1] + each
            torch.testing.assert_close(norms[output, each].flatten()[0], inputs[:, channel].norm())


def test_a_network_may_be_a_layer_itself():
    layer, inputs = nn.Linear(3, 2), torch.ones(5, 3)
    norms = input_norms(layer, dict(layer.named_parameters()), {}, inputs, ["weight"])
    torch.testing.assert_close(norms["weight"], torch.full((2, 3), 5**0.5))


def test_a_layer_whose_module_is_not_called_is_named():
    network = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
    weights, inputs = dict(network.named_parameters()), torch.ones(2, 5, 4)
    assert input_norms(network, weights, {}, inputs, ["linear1.weight"])["linear1.weight"].shape == (6, 4)
    with pytest.raises(PluginError, match=r"self_attn.out_proj.weight takes in .*leave that layer dense"):
        input_norms(network, weights, {}, inputs, ["linear1.weight", "self_attn.out_proj.weight"])


def test_reading_them_changes_nothing_of_the_network():
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    state = torch.get_rng_state()
    input_norms(
        network, dict(network.named_parameters()), dict(network.named_buffers()), torch.ones(2, 4), ["2.weight"]
    )
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in network.named_buffers())
    assert not network[2]._forward_pre_hooks


def test_their_forward_pass_is_counted():
    with_norms, without = (
        train_fleet([Member(1, 0.3, "erk", recipe(name))], setup(MLP, TRAINING), some_data(6), CPU)[0].measured.flops
        for name in ("wanda", "magnitude")
    )
    steps, examples = 1, 32  # of the two steps of the epoch the second has an update, on the batch of what is left
    examples = len(some_data(6).train.targets) - examples
    assert with_norms.training - without.training == steps * examples * without.inference


def test_who_has_none_says_so():
    assert "norms of input activations" in SPARSE.refuses(
        setup(MLP, TRAINING), Rule(Spec("wanda"), Spec("random")), CPU
    )
    model = nn.Linear(4, 3)
    with pytest.raises(InputError, match="norms of input activations"):
        SparseTraining(model, torch.optim.SGD(model.parameters(), 0.1), criterion="wanda", total_steps=10)
