"""A model that cannot be trained sparsely is named with its fault before anything is trained."""

import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.cost import counted_forward_flops
from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_model, sparse_layer_names
from benchmark.models.flops import flops_per_weight
from benchmark.models.trial import problem_of
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.initial import initial_networks, structure
from benchmark.training.members import Member
from criteria import InputError
from criteria.errors import PluginError
from tests.installed import unique
from tests.training.small_fleets import setup

MODELS = """
import random
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.fc, self.out = nn.Linear(inputs, 6), nn.Linear(6, outputs)

    def forward(self, x):
        return self.out(self.fc(x).relu())

class Raises(Net):
    def forward(self, x):
        return {}["gone"]

class Exits(Net):
    def forward(self, x):
        raise SystemExit(0)

class Branches(Net):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)

class Pixels(Net):
    def forward(self, x):
        return super().forward(x)[:, :, None]

class Half(Net):
    def forward(self, x):
        return super().forward(x).half()

class Spare(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.spare = nn.Linear(3, 3)

class Tied(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.again = nn.Linear(inputs, 6)
        self.again.weight = self.fc.weight

class Keeps(Net):
    def forward(self, x):
        self.hidden = self.fc(x).relu()
        return self.out(self.hidden)

class Decides(Net):
    def forward(self, x):
        return super().forward(x) if self.training else super().forward(x).argmax(1)

class Dropped(Net):
    def forward(self, x):
        return self.out(nn.functional.dropout(self.fc(x).relu(), 0.1, self.training))

def keeps(inputs, classes): return Keeps(8, classes)

class Loose(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.scale = torch.ones(6)

    def forward(self, x):
        return self.out(self.fc(x).relu() * self.scale)

def loose(inputs, classes): return Loose(8, classes)
def normed(inputs, classes):
    net = Net(8, classes)
    nn.utils.parametrizations.weight_norm(net.fc)
    return net
def lazy(inputs, classes): return nn.Sequential(nn.LazyLinear(classes))
def layer(inputs, classes): return nn.Linear(8, classes)
def from_numpy(inputs, classes):
    net = nn.Linear(8, classes)
    net.weight.data = torch.tensor(np.random.randn(classes, 8), dtype=torch.float32, device=net.weight.device)
    net.bias.data.fill_(random.random())
    return net
def unused(inputs, classes): return nn.Sequential(nn.Linear(8, 6), nn.Dropout(0.0), nn.Linear(6, classes))
def inner(inputs, classes):
    class Own(Net): ...
    return Own(8, classes)
def wrong_inputs(inputs, classes): return Net(5, classes)
def wrong_outputs(inputs, classes): return Net(8, classes + 1)
def double(inputs, classes): return Net(8, classes).double()
def frozen(inputs, classes): return Net(8, classes).requires_grad_(False)
def nothing(inputs, classes): return nn.LayerNorm(8)
def raises(inputs, classes): return Raises(8, classes)
def exits(inputs, classes): return Exits(8, classes)
def branches(inputs, classes): return Branches(8, classes)
def pixels(inputs, classes): return Pixels(8, classes)
def half(inputs, classes): return Half(8, classes)
def spare(inputs, classes): return Spare(8, classes)
def tied(inputs, classes): return Tied(8, classes)
def dropped(inputs, classes): return Dropped(8, classes)
def dropout(inputs, classes): return nn.Sequential(nn.Linear(8, 6), nn.Dropout(0.1), nn.Linear(6, classes))
def decides(inputs, classes): return Decides(8, classes)
"""
FAULTS = {
    "wrong_inputs": "fails on a batch of zeros, 2 examples of shape 8: RuntimeError",
    "wrong_outputs": "gives [2, 4] for a batch of 2 examples, and should give logits [2, 3]",
    "double": "has fc.weight in float64; leave it in float32",
    "frozen": "has fc.weight with requires_grad=False",
    "nothing": "has no Linear or Conv layer",
    "loose": "has a tensor scale that is neither a parameter nor a buffer",
    "normed": "computes fc.weight of other tensors",
    "lazy": "uninitialized parameter",
    "raises": "KeyError: 'gone'",
    "exits": "it ends the program (SystemExit 0)",
    "branches": "data-dependent control flow",
    "pixels": "gives [2, 3, 1] for a batch of 2 examples",
    "half": "gives logits in float16; leave them in float32",
    "spare": "has spare.weight, which no logit depends on",
    "dropped": "draws from torch's own generator, as torch's dropout does",
    "dropout": "use Dropout of benchmark.models.dropout",
    "decides": "gives [2] for a batch of 2 examples in evaluation mode, and should give logits [2, 3]",
    "tied": "has one tensor for fc.weight and again.weight",
}


SHIPPED = (
    ("efficientnet_b0", (3, 32, 32)),
    ("lenet300", (1, 28, 28)),
    ("lenet5", (1, 28, 28)),
    ("mlp(widths=[16], dropout=0.1)", (20,)),
    ("resnet56", (3, 32, 32)),
    ("set_mlp(widths=[8, 8])", (1, 28, 28)),
    ("small_cnn", (3, 32, 32)),
    ("vgg16", (3, 32, 32)),
    ("wide_resnet(depth=10, widen=1)", (3, 32, 32)),
)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("model", "shape"), SHIPPED)
def test_no_fault_is_found_in_the_models_that_we_ship(model, shape, classes):
    with torch.device("meta"):
        network = build_model(model, shape, classes)
    assert problem_of(network, shape, classes) is None


@pytest.fixture
def models(site):
    module = unique("faulty_models")
    points = "".join(
        f"{each} = {module}:{each}\n" for each in (*FAULTS, "layer", "inner", "keeps", "unused", "from_numpy")
    )
    site.install("faulty-models", {f"{module}.py": MODELS}, f"[dst_bench.models]\n{points}")
    structure.__globals__["_structure"].cache_clear()


@pytest.mark.parametrize("name", FAULTS)
def test_a_model_that_cannot_be_trained_sparsely_is_named_with_its_fault(models, name):
    with pytest.raises(PluginError, match=f"^model '{name}' ") as raised:
        structure({"name": name}, (8,), 3)
    assert FAULTS[name] in str(raised.value)
    with pytest.raises(PluginError, match=f"^model '{name}' "):
        counted_forward_flops(f'{{"name": "{name}"}}', (8,), 3)


@pytest.mark.parametrize("name", ["layer", "inner", "keeps", "unused"])
def test_a_network_may_be_one_layer_or_define_its_class_anew_or_keep_what_it_computes_or_drop_nothing(models, name):
    network = structure({"name": name}, (8,), 3)
    assert all(flops_per_weight(network, (8,), sparse_layer_names(network)).values())
    members = [Member(seed, 0.5, "erk", None) for seed in (1, 2)]
    first, second = initial_networks(members, {"name": name}, (8,), 3)
    assert type(first) is type(second)
    assert all((a != b).any() for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_initial_weights_follow_from_the_seed_whatever_generator_a_model_draws_them_from(models):
    def drawn(seed, process):
        np.random.seed(process)
        random.seed(process)
        before = np.random.get_state()[1].tolist(), random.getstate()
        (network,) = initial_networks([Member(seed, 0.5, "erk", None)], {"name": "from_numpy"}, (8,), 3)
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before
        return torch.cat([weight.detach().flatten() for weight in network.parameters()])

    assert torch.equal(drawn(1, process=5), drawn(1, process=6))
    assert (drawn(1, process=5) != drawn(2, process=5)).all(), "another bias is another draw of Python's"


def test_a_last_batch_that_is_too_small_for_batch_norm_is_refused_before_anything_is_trained():
    """Five examples in batches of two leave one, which ResNet-50 pools to one place."""
    split = Split(torch.zeros(5, 3, 32, 32), torch.zeros(5, dtype=torch.int64))
    dataset = Dataset("made up", split, split, split, classes=3)
    member = Member(1, 0.5, "erk", None)
    for model, refused in (("resnet50", True), ("small_cnn", False), ("resnet56", False)):
        how = setup({"name": model}, TrainingSettings(epochs=1, batch_size=2, learning_rate=0.1))
        expected = pytest.raises(InputError, match=f"has one example, and model '{model}' .*choose another batch_size")
        with expected if refused else nullcontext():
            FleetTraining([member], how, dataset, torch.device("cpu"))
