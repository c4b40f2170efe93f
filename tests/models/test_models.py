"""Models have the layers and sizes that the paper has, and members of a fleet train as they would alone."""

import copy
import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call, stack_module_state, vmap

from benchmark.models import build_model, model_names, model_spec, sparse_layer_names
from criteria import InputError
from criteria.distribution import layer_counts
from criteria.errors import PluginError
from criteria.plugins import Spec
from tests.installed import unique

SIZES = {
    "lenet300": ({}, (1, 28, 28), 10, 784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10),
    "lenet5": ({}, (1, 28, 28), 10, 431_080),  # Lee et al., 2019
    "mlp": ({"widths": [1024, 512]}, (3, 32, 32), 10, 3072 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 10 + 10),
    "small_cnn": ({}, (3, 32, 32), 10, 3 * 9 * 32 + 32 + 32 * 9 * 64 + 64 + 64 * 9 * 128 + 128 + 128 * 10 + 10),
    "resnet56": ({}, (3, 32, 32), 10, 853_018 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64),  # He et al., and two projections
    "set_mlp": ({"widths": [1000, 1000, 1000], "dropout": 0.2}, (1, 28, 28), 10, 2_797_010),
    "vgg16": ({}, (3, 32, 32), 100, 14_710_464 + 2 * 4224 + 512 * 100 + 100),  # convolutions, batch-norm, fc
    "wide_resnet": ({}, (3, 32, 32), 10, 1_079_642),  # counted by hand, layer by layer
    "efficientnet_b0": ({}, (3, 64, 64), 200, 5_288_548 - 800 * 1281),  # torchvision's documentation, less 800 classes
    "resnet50": ({}, (3, 224, 224), 1000, 25_557_032),  # torchvision's documentation
}


def build(name, classes=None, shape=None):
    parameters, inputs, default_classes, _ = SIZES[name]
    return build_model(name, inputs=shape or inputs, classes=classes or default_classes, **parameters)


def test_every_model_is_tried_here():
    assert sorted(SIZES) == model_names()


@pytest.mark.parametrize("name", model_names())
def test_a_model_has_the_published_number_of_parameters(name):
    assert sum(parameter.numel() for parameter in build(name).parameters()) == SIZES[name][3]


@pytest.mark.parametrize("name", model_names())
def test_every_weight_of_more_than_one_dimension_is_a_sparse_layer(name):
    """Biases and batch-norm are vectors, so this says: all of Linear and Conv, and nothing else."""
    model = build(name)
    assert sparse_layer_names(model) == [key for key, weight in model.named_parameters() if weight.ndim > 1]


def test_the_layers_of_lenet_are_named_after_what_they_are():
    assert sparse_layer_names(build("lenet300")) == ["fc1.weight", "fc2.weight", "fc3.weight"]
    assert sparse_layer_names(build("lenet5")) == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]


@pytest.mark.parametrize("name", model_names())
def test_two_classes_need_one_logit(name):
    shape = (3, 64, 64) if name == "resnet50" else SIZES[name][1]
    model = build(name, classes=2, shape=shape).eval()
    assert model(torch.randn(3, *shape)).shape == (3, 1)


def lenet5_written_out(weights, x):
    x = F.max_pool2d(F.relu(F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"])), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, weights["conv2.weight"], weights["conv2.bias"])), 2)
    x = F.relu(F.linear(x.flatten(1), weights["fc1.weight"], weights["fc1.bias"]))
    return F.linear(x, weights["fc2.weight"], weights["fc2.bias"])


def small_cnn_written_out(weights, x):
    x = F.max_pool2d(F.relu(F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"])), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, weights["conv2.weight"], weights["conv2.bias"])), 2)
    x = F.relu(F.conv2d(x, weights["conv3.weight"], weights["conv3.bias"])).mean((2, 3))
    return F.linear(x, weights["fc1.weight"], weights["fc1.bias"])


def lenet300_written_out(weights, x):
    x = F.relu(F.linear(x.flatten(1), weights["fc1.weight"], weights["fc1.bias"]))
    x = F.relu(F.linear(x, weights["fc2.weight"], weights["fc2.bias"]))
    return F.linear(x, weights["fc3.weight"], weights["fc3.bias"])


@pytest.mark.parametrize("written_out", [lenet5_written_out, small_cnn_written_out, lenet300_written_out])
def test_a_model_computes_what_its_formula_says(written_out):
    name = written_out.__name__.removesuffix("_written_out")
    model = build(name)
    inputs = torch.randn(5, *SIZES[name][1], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(inputs), written_out(dict(model.named_parameters()), inputs))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("resnet56", [(16, 32)] * 19 + [(32, 16)] * 18 + [(64, 8)] * 18),
        ("vgg16", [(64, 32)] * 2 + [(128, 16)] * 2 + [(256, 8)] * 3 + [(512, 4)] * 3 + [(512, 2)] * 3),
    ],
)
def test_the_image_is_halved_where_the_channels_double(name, sizes):
    """Channels and height of what each 3×3 convolution puts out."""
    model, seen = build(name).eval(), []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
            module.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape[1:3])))
    model(torch.zeros(1, 3, 32, 32))
    assert seen == sizes


def test_the_initial_weights_of_resnet56_have_the_variance_that_keeps_the_signal():
    """Kaiming-normal: variance 2 / fan-in; the largest layer is large enough to see it."""
    torch.manual_seed(0)
    weight = max(build("resnet56").parameters(), key=torch.Tensor.numel)
    assert float(weight.detach().var() * weight[0].numel()) == pytest.approx(2, rel=0.05)


def test_vgg16_starts_as_in_the_papers_released_code():
    """Convolutions with variance 2 / fan-out, batch-norm at 1 and 0, the linear layer N(0, 0.01²) without a bias."""
    torch.manual_seed(0)
    network = build("vgg16")
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            weight = module.weight.detach()
            fan_out = weight[:, 0].numel()
            assert float(weight.var() * fan_out) == pytest.approx(2, rel=0.1), name
            assert module.bias is None
        elif isinstance(module, torch.nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    assert float(network.fc.weight.detach().std()) == pytest.approx(0.01, rel=0.02)
    assert float(network.fc.weight.detach().mean()) == pytest.approx(0, abs=3e-4)
    assert (network.fc.bias == 0).all()


@pytest.mark.parametrize("name", ["resnet56", "vgg16"])
def test_a_network_of_shapes_alone_draws_nothing(name):
    before = torch.get_rng_state()
    with torch.device("meta"):
        network = build(name)
    assert {weight.device.type for weight in network.parameters()} == {"meta"}
    assert torch.equal(torch.get_rng_state(), before)


TAKE_LONG = ("efficientnet_b0", "resnet50", "vgg16", "wide_resnet")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if name in TAKE_LONG else []) for name in model_names()]
    + ["mlp with dropout"],
)
def test_stacked_members_compute_what_they_compute_alone(name):
    """Logits, gradients, statistics and draws of three members; double precision, in which only rounding is left."""
    model, _, dropout = name.partition(" with ")
    shape = (3, 32, 32) if model in ("efficientnet_b0", "resnet50") else SIZES[model][1]
    parameters = {"widths": [32, 16], "dropout": 0.3} if dropout else SIZES[model][0]
    alone = []
    for seed in range(3):
        torch.manual_seed(seed)
        alone.append(build_model(model, inputs=shape, classes=10, **parameters).double())
    weights, buffers = stack_module_state(alone)
    skeleton = copy.deepcopy(alone[0]).to("meta")
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 4, *shape, generator=generator, dtype=torch.float64)
    targets = torch.randint(10, (3, 4), generator=generator)
    close = partial(torch.testing.assert_close, atol=1e-7, rtol=1e-5)

    for training in (True, True, False):  # the second pass meets what the first one left in the buffers
        for network in (skeleton, *alone):
            network.train(training)
        logits = vmap(lambda w, b, x: functional_call(skeleton, (w, b), (x,)))(weights, buffers, inputs)
        if training:
            F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").backward()
        for index, single in enumerate(alone):
            expected = single(inputs[index])
            close(logits[index], expected)
            for key, buffer in single.named_buffers():
                close(buffers[key][index], buffer)
            if training:
                F.cross_entropy(expected, targets[index], reduction="sum").backward()
                for key, weight in single.named_parameters():
                    close(weights[key].grad[index], weight.grad)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("lenet", {}, "unknown model 'lenet'; did you mean 'lenet5'?"),
        ("lenet5", {"inputs": (64,)}, "model 'lenet5' takes inputs of shape 1×28×28, and those of the data set are 64"),
        ("resnet50", {}, "model 'resnet50' takes inputs of shape 3×any×any, and those"),
        ("lenet300", {"classes": 1}, "model 'lenet300' takes 2 classes or more, not 1"),
        ("resnet56(width=3)", {}, "model 'resnet56' has no parameter 'width'; it has: none"),
        ("mlp", {}, "model 'mlp' needs a value for its parameter 'widths'; it has: widths, dropout"),
        ("mlp(widths=[8, 0])", {}, "model 'mlp' takes widths that are positive whole numbers, such as [256, 128]"),
        ("mlp", {"widths": 8}, "model 'mlp': parameter widths takes a list of whole numbers, not 8"),
        ("mlp(widths=['a'])", {}, "model 'mlp': parameter widths takes a list of whole numbers, not ['a']"),
        ("mlp(widths=[8], dropout=1)", {}, "model 'mlp' takes a dropout from 0 to below 1, not 1.0"),
        ("mlp(widths=[8], drop=0.1)", {}, "model 'mlp' has no parameter 'drop'; it has: widths, dropout"),
        (f"mlp(widths=[1{'0' * 400}])", {}, "model 'mlp' cannot be built with these parameters: "),
    ],
)
def test_a_wrong_model_or_parameter_is_one_line_that_says_what_would_be_right(name, parameters, message):
    with pytest.raises(InputError) as raised:
        build_model(name, **{"inputs": (1, 28, 28), "classes": 10, **parameters})
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


BUILDERS = """
import torch
from torch import nn

def fine(inputs, classes, width: int = 4):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs[0], width), nn.ReLU(), nn.Linear(width, classes))

def no_network(inputs, classes):
    return [inputs, classes]

def fails(inputs, classes):
    return {}["gone"]

def exits(inputs, classes):
    raise SystemExit(0)

def no_classes(inputs): ...
"""


def test_a_model_of_another_distribution_is_built_and_a_broken_one_is_named(site):
    name = unique()
    points = "".join(f"{each} = {name}:{each}\n" for each in ("fine", "no_network", "fails", "exits", "no_classes"))
    site.install("models", {f"{name}.py": BUILDERS}, f"[dst_bench.models]\n{points}")
    assert "fine" in model_names()
    network = build_model("fine(width=7)", inputs=(5,), classes=3)
    assert network(torch.zeros(2, 5)).shape == (2, 3)
    assert sparse_layer_names(network) == ["1.weight", "3.weight"]
    for broken, error, message in (
        ("no_network", PluginError, "model 'no_network' built a list, and should build a torch.nn.Module"),
        ("fails", PluginError, "model 'fails' cannot be built: KeyError: 'gone'"),
        ("exits", PluginError, "model 'exits' cannot be built: it ends the program (SystemExit 0)"),
        ("no_classes", InputError, "does not take classes; every model is a function of inputs, classes"),
    ):
        with pytest.raises(error) as raised:
            build_model(broken, inputs=(5,), classes=3)
        assert message in str(raised.value)


def test_a_model_is_given_by_its_settings_or_by_its_spec_alike():
    assert model_spec({"name": "mlp", "widths": [8, 4]}) == Spec.parse("mlp(widths=[8, 4])")


@pytest.mark.parametrize(("density", "published"), [(0.2, 0.42), (0.1, 0.24), (0.05, 0.12)])
def test_a_sparse_resnet50_costs_what_was_published_of_its_erk_densities(density, published):
    """Share of the dense network's inference FLOPs, which depends on how density is shared out (google-research/rigl).

    To a point in a hundred: theirs are rounded, and may count more than products. Other distributions are further off.
    """
    model, outputs = build("resnet50").to("meta").eval(), {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(
                lambda _module, _inputs, output, name=name: outputs.update({f"{name}.weight": output.shape[2:].numel()})
            )
    model(torch.empty(1, 3, 224, 224, device="meta"))
    shapes = {name: tuple(model.get_parameter(name).shape) for name in sparse_layer_names(model)}
    active = layer_counts(shapes, density, "erk")
    dense_flops = sum(math.prod(shape) * outputs[name] for name, shape in shapes.items())
    flops = sum(active[name] * outputs[name] for name in shapes)
    assert 2 * dense_flops == pytest.approx(8.2e9, rel=0.005)
    assert flops / dense_flops == pytest.approx(published, abs=0.01)
