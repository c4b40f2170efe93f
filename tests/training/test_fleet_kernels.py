"""The kernels for a GPU compute what torch computes, here in triton's interpreter, which needs no GPU."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.training.engines.execution import Execution, adapted, execution_on

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="there is no triton for this system")
in_the_interpreter = pytest.mark.skipif(not INTERPRETED, reason="run by the test that starts triton's interpreter")


@pytest.mark.skipif(INTERPRETED, reason="it has started this")
def test_the_kernels_compute_what_torch_computes():
    """In a process of its own: triton reads at its import whether it is to interpret, and other tests import it too."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "5 passed" in done.stdout


@st.composite
def geometries(draw):
    kernel, stride, padding = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    height = draw(st.integers(max(1, kernel - 2 * padding), kernel + 4))
    channels = {"inputs": draw(st.integers(1, 17)), "outputs": draw(st.sampled_from([1, 3, 17]))}
    geometry = {"kernel": kernel, "stride": stride, "padding": padding, "height": height}
    return geometry | channels | {"examples": draw(st.integers(1, 2)), "bias": draw(st.booleans())}


def both(make, inputs):
    """Outputs and all gradients of two networks as torch computes them, and as the kernels do."""
    networks = [make() for _ in range(2)]
    weights, _ = stack_module_state(networks)
    plain = networks[0].to("meta")
    taken = adapted(plain, Execution(kernels=True))
    found = []
    for network in (plain, taken):
        outputs = vmap(lambda each, x, network=network: functional_call(network, each, (x,)))(weights, inputs)
        loss = (outputs * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum()
        found.append([outputs, *torch.autograd.grad(loss, [inputs, *weights.values()], allow_unused=True)])
    assert {type(module) for module in plain.modules()} != {type(module) for module in taken.modules()}
    return zip(*found, strict=True)


@in_the_interpreter
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(geometries())
def test_a_convolution_of_any_geometry(geometry):
    torch.manual_seed(0)
    g = geometry
    inputs = torch.randn(2, g["examples"], g["inputs"], g["height"], g["height"], requires_grad=True)
    make = lambda: nn.Conv2d(g["inputs"], g["outputs"], g["kernel"], g["stride"], g["padding"], bias=g["bias"])  # noqa: E731
    for expected, found in both(make, inputs):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@in_the_interpreter
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 5))
def test_relu_before_a_pool(height, width, channels):
    """With many ties, negative windows and what is not a number, whose gradients go where torch's go."""
    torch.manual_seed(height)
    inputs = torch.randint(-2, 3, (2, 3, channels, height, width)).float()
    inputs[0, 0, 0, 0, 0] = torch.nan
    make = lambda: nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.PReLU())  # noqa: E731  # a weight, so that there is one
    for expected, found in both(make, inputs.requires_grad_()):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@in_the_interpreter
def test_whole_networks_with_and_without_batch_norm():
    torch.manual_seed(0)
    shapes = {"shape": (2, 2, 3, 5, 5), "last": [nn.AdaptiveAvgPool2d(1), nn.Flatten()]}
    for norm in ([], [nn.BatchNorm2d(5, track_running_stats=False)]):
        make = lambda norm=norm: nn.Sequential(  # noqa: E731
            nn.Conv2d(3, 5, 3, padding=1), *norm, nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 4, 2), *shapes["last"]
        )
        for expected, found in both(make, torch.randn(shapes["shape"], requires_grad=True)):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_cpu_never_takes_them():
    assert execution_on(torch.device("cpu")) == Execution()


def test_other_precisions_are_computed_as_before():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    taken = adapted(network, Execution(kernels=True)).double()
    inputs = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    assert torch.equal(taken(inputs), network.double()(inputs))
