"""One step of the sparse engine after another gives the gradients of autograd, whatever the network and the batches."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.models import sparse_layer_names
from benchmark.models.dropout import Dropout
from benchmark.training.engines.engine import Batch
from benchmark.training.engines.sparse.chain import nodes
from benchmark.training.engines.sparse.kernels import filtering, filtering_back, filtering_pooled
from benchmark.training.engines.sparse.kernels.narrow import block_of
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.program.stepping import Extra
from benchmark.training.engines.sparse.table import Kind
from benchmark.training.loss import classification_loss
from tests.training.refusals import unsupported

CLASSES = 6
SMOOTHING = 0.1


pairs = st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 4), st.integers(1, 4)))


def batch_norm(channels):
    """With a shift, so that a channel without variance is not where ReLU has its corner."""
    found = nn.BatchNorm2d(channels)
    nn.init.uniform_(found.bias, 0.1, 0.5)
    return found


@st.composite
def image_layers(draw, channels):
    """A layer of images, with what may follow it, and the channels that it gives."""
    kind = draw(st.sampled_from(["convolution", "convolution", "max", "mean", "dropout"]))
    if kind == "max":
        return [nn.MaxPool2d(draw(pairs), draw(st.sampled_from([None, 1, 2])))], channels
    if kind == "mean":
        return [nn.AvgPool2d(draw(pairs), draw(st.sampled_from([None, 1, 2])))], channels
    if kind == "dropout":
        return [Dropout(draw(st.sampled_from([0.0, 0.3])))], channels
    outputs, padding = draw(st.sampled_from([1, 4, 17, 40])), draw(st.sampled_from([0, 1, (0, 2)]))
    found = [
        nn.Conv2d(channels, outputs, draw(st.one_of(pairs, st.just(5))), draw(st.sampled_from([1, 2, (2, 1)])), padding)
    ]
    found += [batch_norm(outputs)] if draw(st.booleans()) else []
    return [*found, *([nn.ReLU()] if draw(st.booleans()) else [])], outputs


@st.composite
def networks(draw):
    """A chain of layers that the sparse engine has, and the shape of its inputs; what is drawn later is fixed too."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(3, 18)), draw(st.integers(3, 18))
    shape, layers = (channels, height, width), []
    for _ in range(draw(st.integers(0, 4))):
        more, channels = draw(image_layers(channels))
        layers += more
    network = nn.Sequential(*layers, nn.Flatten()).eval()
    try:
        features = network(torch.zeros(1, *shape)).shape[1]
    except RuntimeError:  # a window is larger than what it looks at
        features = 0
    assume(features > 0)
    for hidden in draw(st.lists(st.sampled_from([1, 9, 30]), max_size=2)):
        network += nn.Sequential(nn.Linear(features, hidden), *([nn.ReLU()] if draw(st.booleans()) else []))
        features = hidden
    network.append(nn.Linear(features, CLASSES))
    assume(unsupported(network, shape) is None)
    return network.train(), shape


def sparse_twin(network, shape, masks, examples):
    """The network on the sparse engine, alone."""
    weights = {name: weight.detach()[None].clone() for name, weight in network.named_parameters()}
    buffers = {name: buffer[None].clone() for name, buffer in network.named_buffers()}
    stacked = {name: mask[None] for name, mask in masks.items()}
    return SparseNetworks(network, shape, weights, buffers, stacked, [0], examples, 1, SMOOTHING)


def assert_same_steps(network, shape, density, batches, **close):
    """Losses, statistics, and gradients of active weights, of all and of dense parameters, in a step of each batch."""
    names = sparse_layer_names(network)
    masks = {name: torch.rand_like(network.get_parameter(name)) < density for name in names}
    for name, mask in masks.items():
        network.get_parameter(name).data.mul_(mask)
    sparse = sparse_twin(network, shape, masks, max(batches))
    for step, examples in enumerate(batches, start=1):
        inputs, targets = torch.randn(1, examples, *shape), torch.randint(2, (1, examples))
        sparse.step(step, Batch.of(inputs, targets), Extra([0], [0]) if step % 2 else Extra())
        network.zero_grad()
        loss = classification_loss(network(inputs[0])[None], targets, SMOOTHING)[0]
        loss.backward()
        state, at = sparse.state, 0
        assert sparse.losses[0] == pytest.approx(loss.item())
        for layer, name in enumerate(names):
            wanted, mask = network.get_parameter(name).grad.flatten(), masks[name].flatten()
            active = sparse.active(0, layer)
            assert torch.equal(torch.from_numpy(active.positions).long(), mask.nonzero().flatten())
            torch.testing.assert_close(torch.from_numpy(active.gradients), wanted[mask], **close)
            if step % 2:
                of_layer = slice(*sparse.structures.sizes[layer : layer + 2])
                torch.testing.assert_close(torch.from_numpy(sparse.full_gradients[0, of_layer]), wanted, **close)
        for name, size in sparse.plan.dense_shapes.items():
            found = torch.from_numpy(state.dense_gradients[0, at : at + size])
            torch.testing.assert_close(found, network.get_parameter(name).grad, **close)
            at += size
        statistics = torch.cat([network.get_buffer(name) for name in sparse.plan.statistics] or [torch.zeros(0)])
        torch.testing.assert_close(torch.from_numpy(state.statistics[0]), statistics)


NETWORKS = {
    "linear layers": ((7,), lambda: nn.Sequential(nn.Linear(7, 20), nn.ReLU(), nn.Linear(20, 5))),
    "two classes, dropout": (
        (7,),
        lambda: nn.Sequential(nn.Linear(7, 20), nn.ReLU(), Dropout(0.3), nn.Linear(20, 1)),
    ),
    "convolutions with all settings": (
        (3, 9, 9),
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2)), nn.ReLU()),
            *(nn.Conv2d(4, 5, 3, padding=2), nn.BatchNorm2d(5), nn.ReLU(), nn.AvgPool2d(2), Dropout(0.3)),
            *(nn.Conv2d(5, 6, 2, stride=2), nn.ReLU(), nn.MaxPool2d(1), nn.Flatten()),
            *(nn.Linear(18, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 4, bias=False)),
        ),
    ),
    "windows of two rows and columns": (
        (3, 15, 13),
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(5, 6, 1), nn.ReLU(), nn.MaxPool2d((2, 1)), nn.Flatten(), nn.Linear(6, 6)),
        ),
    ),
    "narrow images": (
        (2, 8, 15),
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 50, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(50, 4, (2, 5), padding=(0, 2)), nn.BatchNorm2d(4), nn.Conv2d(4, 60, (4, 2)), nn.ReLU()),
            *(nn.MaxPool2d((1, 2)), nn.Conv2d(60, 5, (2, 1), padding=(1, 0)), nn.Flatten(), nn.Linear(175, 6)),
        ),
    ),
    "windows that overlap, and a convolution that is flattened": (
        (3, 17, 17),
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(125, 6)),
        ),
    ),
}


def test_most_convolutions_of_narrow_images_are_handled_as_such_in_one_block_and_in_several():
    shape, make = NETWORKS["narrow images"]
    convolutions = [node for node in nodes(make(), shape) if node.kind == Kind.CONVOLUTION][1:]
    assert [-(-node.outputs[0] // block_of(node)) for node in convolutions] == [2, 1, 2, 1]
    assert block_of(replace(convolutions[0], stride=(2, 1))) == 0


NEARLY_FULL = (
    (3, 20, 28),
    lambda: nn.Sequential(
        *(nn.Conv2d(3, 5, 5, padding=(2, 2)), nn.ReLU(), nn.Conv2d(5, 7, 5, bias=False), nn.BatchNorm2d(7), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Conv2d(7, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 7, 5, padding=(2, 2))),
        *(nn.Flatten(), nn.Linear(672, CLASSES)),
    ),
)
NETWORKS["convolutions of which some are computed by points"] = NEARLY_FULL


def pooled(*layers, bias=True):
    """A first convolution, and what follows it."""
    return nn.Sequential(
        *(nn.Conv2d(3, 5, 5, padding=2, bias=bias), *layers, nn.Conv2d(5, 4, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(384, CLASSES)),
    )


@pytest.mark.parametrize("density", [1.0, 0.6, 0.3])
@pytest.mark.parametrize(
    "make",
    [
        lambda: pooled(nn.ReLU(), nn.MaxPool2d(2)),
        lambda: pooled(nn.MaxPool2d(2), nn.ReLU()),
        lambda: pooled(nn.ReLU(), nn.MaxPool2d(2), bias=False),
    ],
    ids=["ReLU first", "pooling first", "no biases"],
)
def test_gradients_of_a_first_convolution_and_its_pooling_are_those_of_autograd(float64, make, density):
    torch.manual_seed(0)
    network, shape = make(), (3, 20, 28)
    assert filtering_pooled.fits(*nodes(network, shape)[:2])
    assert_same_steps(network, shape, density, [37, 2, 64, 64], atol=1e-10, rtol=1e-8)


def test_a_pooling_that_begins_to_take_examples_in_turn_is_computed_by_itself(float64):
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 2, 5, padding=5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 3, 3, padding=1)
    network, shape = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48, CLASSES)), (1, 2, 2)
    assert filtering_pooled.fits(*nodes(network, shape)[:2])
    assert_same_steps(network, shape, 1.0, [32, 17, 32], atol=1e-10, rtol=1e-8)


def test_gradients_by_points_are_those_of_autograd_in_single_precision_too():
    for make in (NEARLY_FULL[1], lambda: pooled(nn.ReLU(), nn.MaxPool2d(2))):
        torch.manual_seed(0)
        assert_same_steps(make(), NEARLY_FULL[0], 0.6, [37, 64, 64], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("density", [1.0, 0.6, 0.3])
def test_gradients_of_convolutions_by_points_are_those_of_autograd(float64, density):
    shape, make = NEARLY_FULL
    torch.manual_seed(0)
    network = make()
    convolutions = [node for node in nodes(network, shape) if node.kind == Kind.CONVOLUTION]
    assert [(filtering.fits(node), filtering_back.fits(node)) for node in convolutions] == [
        *((True, False), (True, True), (True, True), (True, False))
    ]
    assert_same_steps(network, shape, density, [37, 2, 64], atol=1e-10, rtol=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("examples", [3, 37, 128, 300])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd(float64, name, examples):
    shape, make = NETWORKS[name]
    torch.manual_seed(0)
    assert_same_steps(make(), shape, 0.3, [examples], atol=1e-10, rtol=1e-8)


batches = st.lists(st.integers(2, 90), min_size=1, max_size=3).map(lambda sizes: [max(sizes), *sizes, max(sizes)])


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.sampled_from([0.0, 0.05, 0.3, 1.0]), batches)
def test_gradients_are_those_of_autograd_after_any_other_batch(float64, made, density, batches):
    assert_same_steps(*made, density, batches, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ((1, 7, 7), lambda: [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 5), nn.ReLU(), nn.Flatten()]),
        ((1, 10, 10), lambda: [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2), nn.Flatten()]),
        ((2, 4, 4), lambda: [nn.Conv2d(2, 3, 3), batch_norm(3), nn.ReLU(), nn.Flatten(), nn.ReLU()]),
        (
            (2, 4, 6),
            lambda: [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d((None, 1)), nn.Flatten()],
        ),
        ((8,), lambda: [nn.Linear(8, 8), *(relu := [nn.ReLU()]), nn.Linear(8, 8), *relu]),
    ],
    ids=[
        "a convolution to one pixel",
        "two poolings in a row",
        "batch-norm",
        "a mean of each row",
        "one ReLU in two places",
    ],
)
def test_gradients_are_those_of_autograd_where_they_were_not_once(shape, layers):
    torch.manual_seed(0)
    features = {(2, 4, 4): 12, (2, 4, 6): 16}.get(shape, 8)
    network = nn.Sequential(*layers(), nn.Linear(features, CLASSES))
    assert_same_steps(network, shape, 0.7, [64, 37, 64], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("network", "shape", "words"),
    [
        (nn.Sequential(*[nn.Linear(4, 4)] * 2), (4,), "it has 1 twice"),
        (nn.Sequential(nn.MaxPool2d(17), nn.Flatten(), nn.Linear(1, 2)), (1, 17, 17), "more than 256 pixels"),
    ],
    ids=["a layer in two places", "a window that a byte cannot count"],
)
def test_what_gradients_would_be_wrong_of_is_refused(network, shape, words):
    assert words in (unsupported(network, shape) or "")
