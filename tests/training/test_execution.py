"""The ways in which the dense engine can compute on a GPU, as far as a CPU can judge them."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_network
from benchmark.training import fleet_training
from benchmark.training.engines import dense, stacked
from benchmark.training.engines.dense import DenseEngine
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.engines.execution import PLAIN, Execution, executing, execution_on, unfold_convolutions
from benchmark.training.engines.replay import WARM_UP, Replayed
from benchmark.training.engines.stacked import StackedNetworks
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=1, batch_size=16, learning_rate=0.05)
CUDA = torch.device("cuda", 0)
NETWORKS = [(MLP, (6,)), (LENET5, (1, 28, 28))]


@pytest.fixture
def fake(monkeypatch):
    """Tensors without values, which refuse to be asked for one: on a GPU, asking waits for all that is under way."""
    monkeypatch.setattr(nn.Module, "to", lambda module, _device: module)  # fake modules cannot move
    monkeypatch.setattr(stacked, "convolves", lambda _network: False)  # threads would leave the mode
    monkeypatch.setattr(stacked, "copy", SimpleNamespace(deepcopy=lambda module: module))  # there is nothing to copy
    # torch has no fake of its fused SGD, and would compute it on memory that is not there
    monkeypatch.setattr(dense, "_sgd", lambda weights, *_: torch.optim.SGD(weights.values(), 0.05, 0.9, foreach=True))
    with FakeTensorMode(allow_non_fake_inputs=True, allow_fallback_kernels=False):
        yield


def members():
    return [Member(1, 0.2, "erk", recipe("magnitude", period=100)), Member(2, 0.5)]


@pytest.mark.parametrize(("model", "shape"), NETWORKS, ids=["mlp", "lenet5"])
def test_a_step_without_an_update_asks_for_no_value_so_that_a_gpu_never_waits(model, shape, fake, monkeypatch):
    data = some_data(*shape)
    monkeypatch.setattr(fleet_training, "_measuring", lambda *_: None)
    training = FleetTraining(members(), setup(model, TRAINING, period=100), data, CPU)
    monkeypatch.setattr(training, "_measuring", type("Nothing", (), {"trained": lambda *_: None})())
    for step in range(2, 5):  # weights are digested after the first one
        training.step = step
        batch = Batch.of(torch.randn(2, 16, *shape), torch.zeros(2, 16, dtype=torch.int64))
        training._train(batch, 0.05)
    with pytest.raises(DataDependentOutputException):  # so a value that is asked for would have been noticed
        training.engine.finite(0)


@pytest.mark.parametrize(("model", "shape"), NETWORKS, ids=["mlp", "lenet5"])
def test_all_that_a_step_computes_is_on_the_device_of_the_engine(model, shape, fake):
    """Fake tensors know their device, and refuse to compute with two of them."""
    engine = DenseEngine(members(), setup(model, TRAINING), some_data(*shape), CUDA)
    engine._gradients = {name: torch.zeros_like(weight) for name, weight in engine._networks.weights.items()}
    for _ in range(2):
        engine.optimise(0.05)
    shown = engine.layers(0, 3, Needs(gradient="all", momentum="all"))
    tensors = [each for layer in shown for each in (layer.weight, layer.grad, layer.mask, layer.momentum)]
    assert {each.device for each in [*tensors, engine.logits(torch.zeros(3, *shape, device=CUDA))]} == {CUDA}


@pytest.mark.parametrize("way", [{}, {"padding": 1}, {"stride": 2, "padding": 2, "bias": False}, {"dilation": 2}])
def test_a_convolution_as_a_matrix_product_is_the_same_convolution(way):
    convolution, inputs = nn.Conv2d(3, 5, 3, **way), torch.randn(4, 3, 11, 9)
    wanted = convolution(inputs)
    unfold_convolutions(convolution)
    torch.testing.assert_close(convolution(inputs), wanted, atol=1e-5, rtol=1e-4)


def test_what_is_no_plain_convolution_is_left_alone():
    for kept in (nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(3, 4, 3, padding_mode="circular"), nn.Conv1d(3, 4, 3)):
        before = type(kept)
        unfold_convolutions(kept)
        assert type(kept) is before


def gradients(execution, model, shape):
    networks = []
    for seed in range(2):
        torch.manual_seed(seed)
        networks.append(build_network(model, shape, 10))
    data = some_data(*shape)
    batch = torch.stack([data.train.inputs[:8]] * 2), torch.stack([data.train.targets[:8]] * 2)
    return StackedNetworks(networks, CPU, 0.0, execution).gradients(*batch)


@pytest.mark.parametrize("execution", [Execution(unfolded=True)], ids=str)
def test_another_execution_gives_the_gradients_of_the_plain_one_up_to_rounding(execution):
    wanted, losses = gradients(PLAIN, LENET5, (1, 28, 28))
    found, its_losses = gradients(execution, LENET5, (1, 28, 28))
    torch.testing.assert_close(its_losses, losses)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.long
def test_a_compiled_step_gives_the_gradients_of_the_plain_one_up_to_rounding():
    wanted, losses = gradients(PLAIN, MLP, (6,))
    found, its_losses = gradients(Execution(compiled=True), MLP, (6,))
    torch.testing.assert_close(its_losses, losses)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4)


def test_a_cpu_computes_plainly_whatever_is_chosen():
    with executing(Execution(unfolded=True, replayed=True)):
        assert execution_on(CPU) == PLAIN
        assert str(execution_on(CUDA)) == "unfolded and replayed"
    assert execution_on(CUDA).replayed  # with kernels too, where a GPU can have them


def test_one_shape_is_recorded_after_the_warm_up_and_others_are_computed(monkeypatch):
    """Recording and replaying are stood in for; on a GPU, tests/training/test_cuda.py compares the real ones."""

    class Recorded:
        def __init__(self, compute, inputs, targets):
            self.inputs, self.targets, self.graph, self.found = inputs.clone(), targets.clone(), self, torch.zeros(2)
            self._compute = compute

        def replay(self):
            self.found.copy_(self._compute(self.inputs, self.targets))

    how = []
    monkeypatch.setattr(Replayed, "_aside", lambda self, *batch: how.append("aside") or self._compute(*batch))
    monkeypatch.setattr(
        Replayed, "_record", lambda self, *batch: how.append("recorded") or Recorded(self._compute, *batch)
    )
    replayed = Replayed(lambda inputs, targets: torch.stack([inputs.sum(), targets.sum()]))
    for number in range(WARM_UP + 2):
        whole, rest = torch.full((4,), float(number)), torch.full((3,), float(number))
        assert replayed(whole, whole).tolist() == [4 * number] * 2
        assert replayed(rest, rest).tolist() == [3 * number] * 2
    assert how == ["aside"] * 2 * WARM_UP + ["recorded"]
