"""Threads that compute one member each: as long as the networks are there that they compute, and on one core."""

import gc
import threading

import torch
from torch import nn

from benchmark.system.torch_threads import torch_threads
from benchmark.training.engines.member_threads import MemberThreads


def test_threads_end_with_the_networks_that_they_computed():
    """A process trains hundreds of fleets, one after the other."""
    before = set(threading.enumerate())
    threads = MemberThreads(nn.Linear(2, 3))
    assert threads.map(lambda network, member: network.out_features + member, 4) == [3, 4, 5, 6]
    own = [thread for thread in threading.enumerate() if thread not in before]
    assert own
    del threads
    gc.collect()
    for thread in own:
        thread.join(600)
    assert not any(thread.is_alive() for thread in own)


def test_a_thread_stays_on_one_core_though_the_number_of_the_process_is_set_before_it_computes() -> None:
    """A topology update puts the number of the process back, and a thread may have had nothing to compute by then."""
    both = threading.Barrier(2)
    with torch_threads(2):
        threads = MemberThreads(nn.Flatten())
        threads.map(lambda _network, _member: both.wait(), 2)
        torch.set_num_threads(2)
        found = threads.map(lambda _network, _member: (both.wait(), torch.get_num_threads())[1], 2)
    assert found == [1, 1]
