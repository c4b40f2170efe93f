"""What a CPU computes in another layout, or in another order, is what the network says."""

from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

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


@pytest.mark.parametrize(("model", "shape"), [(lenet5, (1, 28, 28)), (small_cnn, (3, 32, 32))])
def test_gradients_are_those_of_the_plain_network(model, shape):
    network = model(shape, 10).double()
    inputs, targets = torch.randn(1, 8, *shape, dtype=torch.float64), torch.randint(0, 10, (1, 8))
    found, losses = StackedNetworks([network], torch.device("cpu"), 0.0).gradients(inputs, targets)
    loss = nn.functional.cross_entropy(network(inputs[0]), targets[0])
    assert losses.item() == pytest.approx(loss.item(), rel=1e-12)
    plain = torch.autograd.grad(loss, list(network.parameters()))
    for (name, _), gradient in zip(network.named_parameters(), plain, strict=True):
        assert torch.allclose(found[name][0], gradient, rtol=1e-9, atol=1e-12), name
