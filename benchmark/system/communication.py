"""One network on several processes: each trains on its share of every batch, and all keep the same weights and masks.

``torchrun --nproc-per-node N -m benchmark run …`` starts the processes, each with its own GPU where there are some.
Gradients are averaged before anything reads them, and every random draw has a name (`criteria.randomness`), so the
optimizer steps and topology updates of all processes are the same. What differs from one process is batch-norm: each
process normalises by its own share of a batch, and before an evaluation the running statistics are averaged. A process
that was started alone does not communicate: every function here is then the identity.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from benchmark.models.dropout import Dropout
from benchmark.training.fleet import Fleet
from criteria.errors import InputError, one_line

HOW = "start it as torchrun --nproc-per-node N -m benchmark run EXPERIMENT"

Value = TypeVar("Value")


@contextmanager
def joined(command: str) -> Iterator[None]:
    """Join the processes that were started together with this one, where there are any, for the length of the block.

    Only the first process speaks. Where one fails all end: the first to fail raises what it failed with, the others
    end with status 1 and say nothing. Raises :class:`InputError` for a command that one process has to do.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes == "1":
        yield
        return
    if command != "run":
        if os.environ.get("RANK", "0") != "0":
            raise SystemExit(1)
        raise InputError(f"only `run` works on several processes, and WORLD_SIZE is {processes}; unset it")
    store = _join()
    try:
        with _quiet(rank() > 0):
            yield
    except BaseException:
        if _has_failed_before(store):
            raise SystemExit(1) from None
        raise
    dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if _several() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _several() else 1


def share(count: int) -> slice:
    """Which of ``count`` things are this process's; every thing is one process's, and shares differ by at most one."""
    return slice(count * rank() // size(), count * (rank() + 1) // size())


def of_first(value: Value) -> Value:
    """What ``value`` is in the first process, for what the others might see otherwise, such as the files on a disk."""
    if not _several():
        return value
    shared: list[Any] = [value]
    with _lost_processes():
        dist.broadcast_object_list(shared)
    first: Value = shared[0]
    return first


def total(count: Tensor) -> Tensor:
    """The sum of ``count`` over the processes."""
    return _reduced(count, dist.ReduceOp.SUM) if _several() else count


def anywhere(here: bool) -> bool:
    """Whether it is so in any of the processes."""
    return bool(total(torch.tensor(int(here))))


def require_supported(fleet: Fleet) -> None:
    """Raises :class:`InputError` for what needs a whole batch in one process."""
    if not _several():
        return
    for member in fleet.members:
        criteria = [member.recipe.criterion] if member.recipe is not None else []
        for criterion in (*criteria, *(member.comparison.criteria if member.comparison is not None else ())):
            if criterion.requires_hessian_gradient:
                raise InputError(f"{criterion!r} needs a whole batch in one process; start it without torchrun")
    if any(isinstance(module, Dropout) for module in fleet.network.modules()):
        raise InputError("dropout would draw the same in every process; start a model with dropout without torchrun")


def gradients(fleet: Fleet, inputs: Tensor, targets: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """`Fleet.gradients` of the batch that the processes have a share each of: the same numbers in all of them."""
    if not _several():
        return fleet.gradients(inputs, targets)
    examples = targets.shape[1]
    if examples:
        found, losses = fleet.gradients(inputs, targets)
    else:  # the last batch of an epoch can be smaller than the number of processes
        found = {name: torch.zeros_like(weight) for name, weight in fleet.weights.items()}
        losses = torch.zeros(len(fleet), device=fleet.device)
    parts = [*found.values(), losses, losses.new_ones(1)]
    summed = _reduced(torch.cat([examples * part.flatten() for part in parts]), dist.ReduceOp.SUM)
    *means, mean_losses, _ = torch.split(summed / summed[-1], [part.numel() for part in parts])
    return {name: mean.view_as(found[name]) for name, mean in zip(found, means, strict=True)}, mean_losses


@torch.no_grad()
def agree(fleet: Fleet) -> None:
    """Average the running statistics of batch-norm, and make sure that weights and masks are the same everywhere.

    Raises :class:`InputError` where they are not.
    """
    if not _several():
        return
    for buffer in fleet.buffers.values():
        if buffer.is_floating_point():
            buffer.copy_(total(buffer) / size())
        else:  # the number of batches, which can differ by those that a process had no share of
            buffer.copy_(_reduced(buffer, dist.ReduceOp.MAX))
    tensors = (*fleet.weights.values(), *fleet.masks.values())
    sums = torch.stack([tensor.double().sum() for tensor in tensors]).nan_to_num()
    if not torch.equal(_reduced(sums, dist.ReduceOp.MIN), _reduced(sums, dist.ReduceOp.MAX)):
        raise InputError("the processes no longer have the same weights; train on devices of one kind")


def _several() -> bool:
    return dist.is_initialized()


def _join() -> Store:
    """Start communicating, by CPU and, where there is CUDA, by GPU; returns what the processes can leave notes in."""
    cuda = torch.cuda.is_available()
    try:
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        store, number, processes = next(rendezvous("env://"))
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=number, world_size=processes)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"with this RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT processes cannot train together "
            f"({one_line(error)}); {HOW}, with N up to the number of GPUs"
        ) from error
    return PrefixStore("dst-bench", store)


def _reduced(tensor: Tensor, operation: Any) -> Tensor:
    result = tensor.clone()
    with _lost_processes():
        dist.all_reduce(result, operation)
    return result


@contextmanager
def _lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"the processes of this training have lost each other ({one_line(error)})") from error


def _has_failed_before(store: Store) -> bool:
    """Whether another process has failed before this one; notes that this one has."""
    try:
        return int(store.add("failed", 1)) > 1
    except RuntimeError:  # who keeps the notes has ended: without torchrun the first process
        return False


@contextmanager
def _quiet(quiet: bool) -> Iterator[None]:
    if not quiet:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
