"""What a CPU computes in another layout, or in another order, is what the network says."""

from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from benchmark.models.lenet5 import lenet5
from benchmark.models.small_cnn import small_cnn
from benchmark.training.engines.cpu_layout import channels_last, pool_before_relu
from benchmark.training.engines.stacked import StackedNetworks


def pooled_after(values, pool_first):
    """What pooling and ReLU make of values, and the gradient that reaches these."""
    layers = nn.Sequential(OrderedDict(relu=nn.ReLU(), pool=nn.MaxPool2d(2)))
    if pool_first:
        pool_before_relu(layers)
        assert list(dict(layers.named_children())) == ["pool", "relu"]
    inputs = values.clone().requires_grad_()
    outputs = layers(inputs)
    weights = torch.arange(1.0, outputs.numel() + 1).view_as(outputs)
    return outputs.detach(), torch.autograd.grad((outputs * weights).sum(), inputs)[0]


@given(st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0, float("inf")]), min_size=32, max_size=32))
def test_pooling_before_relu_has_the_same_values_and_gradients(numbers):
    values = torch.tensor(numbers).view(1, 2, 4, 4)
    for after, before in zip(pooled_after(values, False), pooled_after(values, True), strict=True):
        assert torch.equal(after, before)


def test_other_layers_stay_where_they_are():
    layers = nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Flatten())
    pool_before_relu(layers)
    assert [type(each).__name__ for each in layers] == ["ReLU", "AvgPool2d", "Conv2d", "ReLU", "Flatten"]


def test_a_layer_that_is_used_twice_stays_in_both_places():
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    layers = nn.Sequential(nn.Conv2d(1, 1, 1), relu, pool, nn.Conv2d(1, 1, 1), relu, pool, relu)
    inputs = torch.randn(1, 1, 8, 8)
    before = layers(inputs)
    pool_before_relu(layers)
    assert [type(each).__name__ for each in layers] == ["Conv2d", "MaxPool2d", "ReLU"] * 2 + ["ReLU"]
    assert torch.equal(layers(inputs), before)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 4, 5)])
def test_channels_lie_beside_each_other_also_where_there_is_one(shape):
    _, channels, height, width = shape
    tensor = torch.randn(shape)
    laid_out = channels_last(tensor)
    assert laid_out.stride() == (channels * height * width, 1, channels * width, channels)
    assert torch.equal(laid_out, tensor)


def test_matrices_are_not_copied():
    matrix = torch.randn(3, 4)
    assert channels_last(matrix) is matrix


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize(("model", "shape"), [(lenet5, (1, 28, 28)), (small_cnn, (3, 32, 32))])
def test_gradients_are_those_of_the_plain_network(model, shape, dtype, tolerance):
    network = model(shape, 10).to(dtype)
    inputs, targets = torch.randn(1, 8, *shape, dtype=dtype), torch.randint(0, 10, (1, 8))
    found, losses = StackedNetworks([network], torch.device("cpu"), 0.0).gradients(inputs, targets)
    loss = nn.functional.cross_entropy(network(inputs[0]), targets[0])
    assert losses.item() == pytest.approx(loss.item(), rel=tolerance)
    plain = torch.autograd.grad(loss, list(network.parameters()))
    for (name, _), gradient in zip(network.named_parameters(), plain, strict=True):
        assert (found[name][0] - gradient).abs().max() <= tolerance * gradient.abs().max(), name


def test_a_fleet_is_computed_so():
    seen = []
    network = lenet5((1, 28, 28), 10)
    hook = register_module_forward_hook(
        lambda module, inputs, _: seen.append((type(module).__name__, inputs[0].shape[-1], inputs[0].stride(1)))
    )
    try:
        StackedNetworks([network], torch.device("cpu"), 0.0).gradients(
            torch.randn(1, 4, 1, 28, 28), torch.zeros(1, 4, dtype=torch.int64)
        )
    finally:
        hook.remove()
    assert [each for each in seen if each[0] in ("Conv2d", "MaxPool2d", "ReLU")][:5] == [
        *(("Conv2d", 28, 1), ("MaxPool2d", 24, 1), ("ReLU", 12, 1)),
        *(("Conv2d", 12, 1), ("MaxPool2d", 8, 1)),
    ]
