"""Products are computed in the precision that an experiment names, and nothing else of the process changes."""

import pytest
import torch

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from benchmark.training.precision import computing_in
from tests.training.small_fleets import CPU, LENET5, MLP, all_weights, setup, some_data


def settings():
    return torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize(("precision", "products"), [("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")])
def test_a_precision_is_in_force_inside_only_also_where_the_training_fails(precision, products, kind):
    before = settings()

    def fail():
        with computing_in(precision, torch.device(kind)):
            if kind == "cuda":
                assert settings() == (products, products)
            else:
                assert torch.is_autocast_enabled("cpu") == (precision == "bfloat16")
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        fail()
    assert settings() == before
    assert not torch.is_autocast_enabled(kind)


@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))], ids=["mlp", "lenet5"])
def test_bfloat16_products_leave_float32_weights_that_are_nearly_the_same(model, shape):
    trained = {}
    for precision in ("float32", "bfloat16"):
        training = FleetTraining(
            [Member(1, 0.3), Member(2, 0.3)],
            setup(model, TrainingSettings(epochs=1, batch_size=32, learning_rate=0.01, precision=precision)),
            some_data(*shape),
            CPU,
        )
        list(training.steps())
        trained[precision] = all_weights(training.engine)
    for name, weight in trained["float32"].items():
        other = trained["bfloat16"][name]
        assert other.dtype == torch.float32
        assert not torch.equal(weight, other)
        torch.testing.assert_close(weight, other, rtol=0, atol=1e-2)
