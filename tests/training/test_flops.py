"""FLOPs are counted as torch counts them, and a training costs what Evci et al. (2020) say it costs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_network, model_names, sparse_layer_names
from benchmark.models.flops import flops_per_weight
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.measurements.flops import HESSIAN_GRADIENT, LayerWork, count_flops
from benchmark.training.members import Member
from tests.training.small_fleets import CPU, setup

SHAPES = {
    "efficientnet_b0": (3, 64, 64),
    "lenet300": (1, 28, 28),
    "lenet5": (1, 28, 28),
    "mlp": (64,),
    "resnet50": (3, 224, 224),
}
"""Of one example; those of the other models are CIFAR's."""


@pytest.mark.parametrize("name", model_names())
def test_the_weights_of_a_network_take_part_in_as_many_operations_as_torch_counts(name):
    shape = SHAPES.get(name, (3, 32, 32))
    with torch.device("meta"):
        network = build_network({"name": name, **({"widths": [9, 7]} if name in ("mlp", "set_mlp") else {})}, shape, 10)
    each = flops_per_weight(network, shape, sparse_layer_names(network))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, *shape, device="meta"))
    assert sum(each[layer] * network.get_parameter(layer).numel() for layer in each) == counter.get_total_flops()
    assert all(count > 0 for count in each.values())


def test_the_last_layer_of_an_attention_counts_though_its_module_is_not_called():
    """torch's attention takes the weight of its own out_proj; four places of eight values each go through it."""

    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.out = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.out(self.inner(x).mean(1))

    with torch.device("meta"):
        network = Attends()
    names = sparse_layer_names(network)
    assert "inner.self_attn.out_proj.weight" in names
    assert flops_per_weight(network, (4, 8), names) == {name: 2 if name == "out.weight" else 8 for name in names}


@given(
    weights=st.integers(1, 1000),
    share=st.floats(0, 1),
    period=st.integers(1, 50),
    updates=st.integers(0, 20),
    batch=st.integers(1, 256),
)
def test_a_training_with_dense_gradients_at_updates_costs_what_rigl_costs(weights, share, period, updates, batch):
    active = max(1, round(share * weights))
    steps = period * updates
    work = LayerWork(2, weights, active, active * steps * batch, (weights - active) * updates * batch)
    found = count_flops([work], steps * batch, hessian_examples=0)
    sparse, dense = 2 * active, 2 * weights
    assert (found.inference, found.inference_dense) == (sparse, dense)
    assert found.training == updates * batch * (3 * sparse * (period - 1) + 2 * sparse + dense)
    assert found.training_dense == steps * batch * 3 * dense


def test_a_hessian_gradient_product_costs_nine_forward_passes():
    split = Split(torch.randn(2, 3, 32, 32), torch.tensor([0, 1]))
    dataset = Dataset("made up", split, split, split, classes=10)
    how = setup({"name": "resnet56"}, TrainingSettings(epochs=1, batch_size=2, learning_rate=0.1))
    fleet = engine_named("dense").make([Member(1, 0.2)], how, dataset, CPU)
    fleet.backward(Batch.of(split.inputs[None], split.targets[None]))
    layer = fleet.layers(0, 1, Needs(hessian_gradient=True))[0]
    with FlopCounterMode(display=False) as product:
        layer.hessian_gradient(200.0)
    with FlopCounterMode(display=False) as forward:
        build_network(how.model, (3, 32, 32), 10)(split.inputs)
    # a network of fewer layers costs less, as the first one has no gradient of its inputs
    assert product.get_total_flops() == pytest.approx(HESSIAN_GRADIENT * forward.get_total_flops(), rel=0.01)
