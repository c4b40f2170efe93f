"""One member to one thread: how a CPU trains networks whose kernels would decide by the number of threads."""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import nn

Result = TypeVar("Result")


class MemberThreads:
    """Threads that compute one member at a time, each on one core and with a network module of its own.

    So a member's bits depend neither on who else is in the fleet nor on how many threads there are: a convolution that
    is divided among threads, or made for several members at once, takes other algorithms, which round differently.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._own = threading.local()  # functional_call swaps the parameters of the module that it is given
        # the threads know nothing of this object, so that they end when nobody has it any more
        self._threads = ThreadPoolExecutor(torch.get_num_threads(), "member", _begin, (network, self._own))

    def map(self, compute: Callable[[nn.Module, int], Result], members: int) -> list[Result]:
        """What ``compute(network, member)`` gives for each member, in their order; gradient and cast modes are ours."""
        recording, autocast = torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
        training = self._network.training

        def on_thread(member: int) -> Result:
            with torch.set_grad_enabled(recording), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                return compute(self._own.network.train(training), member)

        return list(self._threads.map(on_thread, range(members)))


def _begin(network: nn.Module, own: threading.local) -> None:
    torch.get_num_threads()  # a thread takes the number of the process when it first needs one: now, and not later
    torch.set_num_threads(1)
    own.network = copy.deepcopy(network)
