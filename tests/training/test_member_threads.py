"""Threads that compute one member each: they are there as long as the networks that they compute."""

import gc
import threading

from torch import nn

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
