"""Two processes that train one network: their masks stay the same, though their seeds and batches are not."""

import multiprocessing
import tempfile
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from criteria.contract.asking import NoAnswer, call
from criteria.contract.implementations.case import Step, TrainingCase
from criteria.contract.implementations.protocol import Declared, Make
from criteria.contract.implementations.trial import Training
from criteria.contract.settings import seed_all

RANKS = 2
SECONDS = 600
"""That the processes have; they need about two."""


def ranks_differ(make: Make, case: TrainingCase) -> str:
    """How the masks of two processes differ, or what one of them failed with; empty where neither is so.

    Gradients are averaged before the step, as data parallelism does, and the networks start alike. The processes are
    forked, so that ``make`` needs to be no importable name. Raises ``OSError`` where processes cannot be forked.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise OSError("processes cannot be forked here")
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pipes = [context.Pipe(duplex=False) for _ in range(RANKS)]
        started = [
            context.Process(target=_process, args=(make, case, rank, Path(folder), pipes[rank][1]), daemon=True)
            for rank in range(RANKS)
        ]
        for process in started:
            process.start()
        try:
            answers = [pipe.recv() if pipe.poll(SECONDS) else "a process did not come to its end" for pipe, _ in pipes]
        except EOFError:
            answers = ["a process ended early"]
        for process in started:
            process.join(1)
            process.kill()
    failed = [answer for answer in answers if isinstance(answer, str)]
    if failed:
        return failed[0]
    for number, (one, other) in enumerate(zip(*answers, strict=True)):
        for name, mask in one.items():
            if not np.array_equal(mask, other[name]):
                return f"the mask of {name} differs {f'after step {number}' if number else 'from the start'}"
    return ""


def case_of(declared: Declared, index: int) -> TrainingCase:
    """A training of plain steps that is as long as they get."""
    network = declared.networks[index % len(declared.networks)]
    optimizer = declared.optimizers[index % len(declared.optimizers)]
    return TrainingCase(network, (6,), optimizer, (Step(),) * declared.most_steps, seed=index)


def _process(make: Make, case: TrainingCase, rank: int, folder: Path, answer: Connection) -> None:
    torch.set_num_threads(1)  # the threads of the parent are not there after a fork
    try:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{folder / 'store'}",
            rank=rank,
            world_size=RANKS,
            timeout=timedelta(seconds=SECONDS),
        )
        # arrays are copied through the pipe, where tensors would be shared with a process that ends
        answer.send([{name: mask.numpy() for name, mask in masks.items()} for masks in _masks(make, case, rank)])
    except (NoAnswer, RuntimeError) as failure:
        answer.send(f"process {rank}: {failure}")
    finally:
        answer.close()


def _masks(make: Make, case: TrainingCase, rank: int) -> list[dict[str, Tensor]]:
    """The masks at the start and after every step."""
    seed_all(rank)
    model = case.model()
    optimizer = case.optimizer_of(model)
    handle = call(make, model, optimizer, case.seed + rank, what="make()")
    training = Training(case, model, optimizer, handle)
    found = [training.masks()]
    for number in range(len(case.steps)):
        optimizer.zero_grad()
        case.backward(model, number, share=rank)
        for parameter in model.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= RANKS
        training.step(number)
        found.append(training.masks())
    return found
