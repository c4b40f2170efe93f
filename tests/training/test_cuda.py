"""What only a GPU can show; all of it is skipped without one."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines.execution import PLAIN, Execution, executing, execution_on
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.members import Member
from benchmark.training.precision import computing_in
from criteria import names
from criteria.contract import check_criterion, check_growth
from tests.training.small_fleets import CPU, LENET5, MLP, all_masks, all_weights, recipe, setup, some_data

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("default")]
TRAINING = TrainingSettings(epochs=4, batch_size=20, learning_rate=0.02)
NETWORKS = pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))], ids=["mlp", "lenet5"])
DROPOUT = {"name": "mlp", "widths": [16, 12], "dropout": 0.2}


def cuda():
    return torch.device("cuda", torch.cuda.current_device())


def members(count):
    ways = itertools.cycle([("magnitude", "random"), ("snip", "gradient"), ("running_snip", "momentum")])
    return [Member(1 + i % 3, 0.2, "erk", recipe(*next(ways), period=4)) for i in range(count)]


def trained(model, shape, fleet, device, training=TRAINING):
    found = FleetTraining(fleet, setup(model, training), some_data(*shape).on(device), device)
    for _ in found.steps():
        pass
    return found.engine


@NETWORKS
def test_a_fleet_ends_on_a_gpu_where_it_ends_on_a_cpu(model, shape, monkeypatch):
    torch.set_default_dtype(torch.float64)
    try:
        engines = [trained(model, shape, members(3), device) for device in (CPU, cuda())]
    finally:
        torch.set_default_dtype(torch.float32)
    on_cpu, on_gpu = ({k: v.cpu() for k, v in all_masks(engine).items()} for engine in engines)
    assert all(torch.equal(mask, on_gpu[name]) for name, mask in on_cpu.items())
    on_cpu, on_gpu = ({k: v.cpu() for k, v in all_weights(engine).items()} for engine in engines)
    for name, weight in on_cpu.items():
        torch.testing.assert_close(on_gpu[name], weight, atol=1e-9, rtol=1e-7)


@NETWORKS
@pytest.mark.parametrize(
    "execution",
    [
        Execution(kernels=True),
        Execution(kernels=True, replayed=True),
        Execution(replayed=True),
        Execution(unfolded=True),
        Execution(unfolded=True, replayed=True),
    ],
    ids=str,
)
def test_every_execution_gives_what_the_plain_one_gives(execution, model, shape):
    """Of one epoch without updates: what rounding decides otherwise would be another network soon."""
    short, fleet = TRAINING.model_copy(update={"epochs": 3}), [Member(1, 0.2), Member(2, 0.5)]
    with executing(PLAIN):
        plain = all_weights(trained(model, shape, fleet, cuda(), short))
    with executing(execution):
        found = all_weights(trained(model, shape, fleet, cuda(), short))
    for name, weight in plain.items():
        torch.testing.assert_close(found[name], weight, atol=1e-4, rtol=1e-3)


def test_a_replayed_step_sees_masks_batches_and_dropout_as_they_are_now():
    fleet = [Member(1, 0.2, "erk", recipe("magnitude", period=4)), Member(2, 0.5)]
    with executing(PLAIN):
        plain = trained(DROPOUT, (6,), fleet, cuda())
    with executing(Execution(replayed=True)):
        found = trained(DROPOUT, (6,), fleet, cuda())
    for name, mask in all_masks(plain).items():
        assert (all_masks(found)[name] == mask).double().mean() > 0.95
    for name, weight in all_weights(found).items():
        if name in all_masks(found):
            assert not weight[~all_masks(found)[name]].any()


def test_kernels_are_taken_where_nobody_says_otherwise():
    """A machine without a C compiler cannot have them; one that runs these tests should."""
    assert execution_on(cuda()) == Execution(kernels=True, replayed=True)


@pytest.mark.parametrize("layers", [(20, 50, 5, 1, 0), (16, 16, 3, 1, 1), (16, 32, 3, 2, 1), (64, 64, 3, 1, 1)])
def test_kernels_err_no_more_than_float32(layers):
    """Against float64, as what torch computes in float32 does at most."""
    from benchmark.training.engines.fleet_kernels.convolution import fleet_convolution  # imports triton

    inputs, outputs, kernel, stride, padding = layers
    x = torch.randn(3, 128, inputs, 16, 16, dtype=torch.float64, device=cuda(), requires_grad=True)
    weight = torch.randn(3, outputs, inputs, kernel, kernel, dtype=torch.float64, device=cuda(), requires_grad=True)
    bias = torch.randn(3, outputs, dtype=torch.float64, device=cuda(), requires_grad=True)

    def computed(convolve, dtype):
        with computing_in("float32", cuda()):
            out = convolve(x.to(dtype), weight.to(dtype), bias.to(dtype))
            upstream = torch.linspace(-1, 1, out.numel(), device=cuda(), dtype=dtype).view_as(out)
            return [out, *torch.autograd.grad((out * upstream).sum(), [x, weight, bias])]

    plain = torch.func.vmap(lambda *each: F.conv2d(*each, stride, padding))
    exact = computed(plain, torch.float64)
    for of_kernels, of_torch, wanted in zip(
        computed(lambda *each: fleet_convolution(*each, stride, padding), torch.float32),
        computed(plain, torch.float32),
        exact,
        strict=True,
    ):
        error, allowed = ((each - wanted).norm() / wanted.norm() for each in (of_kernels, of_torch))
        assert error < max(2 * allowed, 1e-6)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@NETWORKS
def test_a_fleet_trains_in_other_precisions(precision, model, shape):
    training = TRAINING.model_copy(update={"precision": precision})
    data = some_data(*shape).on(cuda())
    outcomes = train_fleet(members(3), setup(model, training), data, cuda())
    assert not any(outcome.diverged for outcome in outcomes)


@NETWORKS
def test_a_training_goes_on_from_its_state_as_if_it_had_never_stopped(model, shape):
    data = some_data(*shape).on(cuda())
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        whole = trained(model, shape, members(3), cuda())
        first = FleetTraining(members(3), setup(model, TRAINING), data, cuda())
        for step in first.steps():
            if step == 5:
                break
        second = FleetTraining(members(3), setup(model, TRAINING), data, cuda())
        second.load_state_dict(first.state_dict())
        for _ in second.steps():
            pass
    finally:
        torch.use_deterministic_algorithms(False)
    for name, weight in all_weights(whole).items():
        torch.testing.assert_close(all_weights(second.engine)[name], weight, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", names())
def test_every_criterion_keeps_the_contract_on_a_gpu(name):
    check_criterion(name, 10)


@pytest.mark.parametrize("name", names("growth"))
def test_every_growth_keeps_the_contract_on_a_gpu(name):
    check_growth(name, 10)


def test_a_step_without_an_update_never_waits_for_the_gpu():
    training = FleetTraining([Member(1, 0.2), Member(2, 0.5)], setup(LENET5, TRAINING, period=10**6),
                             some_data(1, 28, 28, examples=900).on(cuda()), cuda())  # fmt: skip
    steps = training.steps()
    for _ in range(3):
        next(steps)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            next(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
