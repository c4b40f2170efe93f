"""An optimizer that keeps its state within another one, as torch's ZeroRedundancyOptimizer does."""

import pytest
import torch
import torch.distributed as dist
from torch.distributed.optim import ZeroRedundancyOptimizer

from criteria import InputError, Rules
from tests.own_loop.nets import OPTIMIZERS, attached, perceptron, train


@pytest.fixture
def one_process():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture
def sharded(one_process, monkeypatch):
    """Makes a sparse training by SGD whose state is sharded among processes, of which there is one."""

    def make(parameters):
        return ZeroRedundancyOptimizer(parameters, torch.optim.SGD, lr=0.1, momentum=0.9)

    monkeypatch.setitem(OPTIMIZERS, "sharded", make)
    return lambda **settings: attached(perceptron(), "sharded", density=0.3, **settings)


@pytest.mark.parametrize("momentum", ["reset", "mean"])
def test_grown_weights_find_there_what_they_are_to_find(sharded, momentum):
    model, optimizer, sparse = sharded(rules=Rules(grown_momentum=momentum), update_period=3)
    train(model, optimizer, 2)
    before = {name: mask.clone() for name, mask in sparse.masks.items()}
    train(model, optimizer, 1, first=2)
    assert len(sparse.history) == 1
    for name, mask in sparse.masks.items():
        kept = optimizer.optim.state[model.get_parameter(name)]["momentum_buffer"]
        wanted = torch.zeros(()) if momentum == "reset" else kept[mask & before[name]].mean()
        torch.testing.assert_close(kept[mask & ~before[name]], wanted.expand(int((mask & ~before[name]).sum())))


def test_growth_by_momentum_that_another_process_keeps_is_refused(sharded):
    model, optimizer, _ = sharded(growth="momentum")
    weight = model.get_parameter("3.weight")
    train(model, optimizer, 1)
    del optimizer.optim.state[weight]
    optimizer.optim.param_groups[0]["params"] = [
        p for p in optimizer.optim.param_groups[0]["params"] if p is not weight
    ]
    with pytest.raises(InputError, match=r"ZeroRedundancyOptimizer keeps none for 3.weight in this process"):
        train(model, optimizer, 1, first=1)
