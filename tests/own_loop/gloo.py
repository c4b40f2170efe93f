"""One of two processes that train one network, each with a seed and a share of every batch of its own."""

import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from criteria import InputError
from tests.own_loop.nets import attached, backward, perceptron


def main(folder, criterion, mode):
    # they meet in a file: a port that was free a moment ago may be somebody else's by now
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=int(os.environ["RANK"]), world_size=2)
    rank = dist.get_rank()
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    model = DistributedDataParallel(perceptron())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    _, _, sparse = attached(model, optimizer=lambda_of(optimizer), criterion=criterion, seed=100 + rank)
    if mode == "disagree" and rank == 1:
        weight = sparse.masks["0.weight"]
        weight[0] = ~weight[0]
    try:
        for step in range(9):
            optimizer.zero_grad()
            backward(model, 10 * step + rank)
            optimizer.step()
    except InputError as error:
        torch.save(str(error), f"{folder}/{rank}.pt")
    else:
        weights = {name: weight.detach() for name, weight in model.module.named_parameters()}
        torch.save({"masks": sparse.masks, "weights": weights, "updates": len(sparse.history)}, f"{folder}/{rank}.pt")
    dist.barrier()  # whoever ends first closes its connections, on which the other may be waiting
    dist.destroy_process_group()


def lambda_of(optimizer):
    """`attached` makes an optimizer by its name; here there is one."""
    from tests.own_loop import nets

    nets.OPTIMIZERS["given"] = lambda _parameters: optimizer
    return "given"


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main(*sys.argv[1:])
