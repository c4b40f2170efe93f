"""Speed: model-steps per second of each network against the size of its fleet and the way in which it is computed.

A model-step is one optimizer step of one network. Everything is timed on synthetic data of the real shape.
"""

from collections.abc import Iterable
from functools import partial

import torch
from torch.profiler import ProfilerActivity, profile

from benchmark.accelerator.networks import (
    DEFAULT,
    NETWORKS,
    RATE,
    WAYS,
    Network,
    Way,
    best_size,
    best_way,
    key,
    setup_of,
)
from benchmark.accelerator.parts import Asked, Findings, Item, SkipItem
from benchmark.accelerator.rates import products_per_second
from benchmark.accelerator.whole import beside_steps
from benchmark.experiments.experiment import load_experiment
from benchmark.running.plan import dataset_on
from benchmark.timing.comparison import now
from benchmark.timing.training import step_flops
from benchmark.training.engines.execution import executing
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria.errors import is_out_of_memory

WARM_UP = {"cpu": 1, "cuda": 6}
"""Steps before the clock starts; a CUDA graph is recorded in the fourth."""
STEPS = {"cpu": 3, "cuda": 30}
TABLE_ROWS = 20


def items() -> Iterable[Item]:
    """For each network fleets that are computed by default, then other ways; the network of the panel comes first."""
    for network in NETWORKS:
        for size in network.fleets:
            yield Item(key(network, DEFAULT, size), partial(_fleet, network=network, way=DEFAULT, size=size), 90)
        if network is NETWORKS[0]:
            yield Item("lenet5: update and evaluation", partial(_beside_steps, network=network), 120)
    for network in NETWORKS:
        for way in WAYS:
            yield Item(key(network, way), partial(_at_best_size, network=network, way=way), way.limit)
        yield Item(f"{network.name}: best", partial(_best, network=network), 10)
        yield Item(f"{network.name}: profile", partial(_profile, network=network), 90)


def timed(network: Network, way: Way, size: int, device: torch.device) -> Findings:
    """Steps of a fleet, from a batch to the masked weights, without topology updates and evaluations."""
    warm_up, steps = WARM_UP[device.type], STEPS[device.type]
    batch = load_experiment(network.experiment).setups[0][1].training.batch_size
    setup = setup_of(network, way, examples=batch * (warm_up + steps + 1))
    dataset = dataset_on(setup.data, None, device)
    seeds = min(size, 5)
    marks = []
    with executing(way.execution):
        training = FleetTraining([Member(1 + i % seeds, 0.1) for i in range(size)], setup, dataset, device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        for step in training.steps():
            if step in (warm_up, warm_up + steps):
                marks.append(now(device))
            if step == warm_up + steps:
                break
    seconds = (marks[1] - marks[0]) / steps
    flops = size / seconds * step_flops(setup, dataset_on(setup.data, None, device))
    return {
        "fleet": size,
        "way": str(way),
        "seconds per step of the fleet": seconds,
        RATE: size / seconds,
        "TFLOP/s of products": flops / 1e12,
        "share of one large product's rate": flops / products_per_second(way.precision, device),
        **({"peak memory in GiB": torch.cuda.max_memory_allocated(device) / 2**30} if device.type == "cuda" else {}),
    }


def _fleet(asked: Asked, network: Network, way: Way, size: int) -> Findings:
    if network.name not in ("lenet300", "lenet5") or size > 1:
        asked.require_cuda("on a CPU, `dst-bench bench` times training beside its rivals")
    try:
        return timed(network, way, size, asked.device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    torch.cuda.empty_cache()
    return {"fleet": size, "way": str(way), "memory": "it does not suffice for this fleet"}


def _at_best_size(asked: Asked, network: Network, way: Way) -> Findings:
    asked.require_cuda("a CPU computes in one way, whose bits are promised")
    convolved = way.execution is not None and (way.execution.unfolded or way.execution.kernels)
    if convolved and network.name == "lenet300":
        raise SkipItem("this network has no convolutions")
    return _fleet(asked, network, way, best_size(network, asked.notes))


def _best(asked: Asked, network: Network) -> Findings:
    asked.require_cuda("a CPU computes in one way, whose bits are promised")
    found = {}
    for name, any_precision in (("in float32", False), ("in any precision", True)):
        best = best_way(network, asked.notes, any_precision=any_precision)
        if best is not None:
            found[name] = f"{best[0]}: {best[1]:.0f} model-steps per second"
    return {"fleet": best_size(network, asked.notes), **found}


def _beside_steps(asked: Asked, network: Network) -> Findings:
    """What a topology update and an evaluation take, with which the whole experiment is extrapolated."""
    asked.require_cuda("`dst-bench run fmnist-cnn --dry-run` extrapolates on a CPU")
    return beside_steps(network, best_size(network, asked.notes), asked)


def _profile(asked: Asked, network: Network) -> Findings:
    """Where the time of a step goes, computed by default: by kernel, and how long the device waited for the host."""
    asked.require_cuda("torch's profiler is asked for the kernels of a GPU")
    size, device = best_size(network, asked.notes), asked.device
    batch = load_experiment(network.experiment).setups[0][1].training.batch_size
    setup = setup_of(network, DEFAULT, examples=batch * 20)
    training = FleetTraining([Member(1, 0.1) for _ in range(size)], setup, dataset_on(setup.data, None, device), device)
    steps = training.steps()
    for _ in range(WARM_UP["cuda"]):
        next(steps)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        began = now(device)
        for _ in range(5):
            next(steps)
        seconds = now(device) - began
    averages = profiler.key_averages()
    busy = sum(event.self_device_time_total for event in averages if event.device_type.name == "CUDA") / 1e6
    return {
        "fleet": size,
        "seconds per step": seconds / 5,
        "share in which the device computed": busy / seconds,
        "kernels per step": sum(event.count for event in averages if event.device_type.name == "CUDA") / 5,
        "by device time": averages.table(sort_by="self_device_time_total", row_limit=TABLE_ROWS),
        "by host time": averages.table(sort_by="self_cpu_time_total", row_limit=TABLE_ROWS),
    }
