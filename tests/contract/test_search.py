"""Where failures are kept, and what a time limit does to other alarms."""

import signal
import time

import pytest
from hypothesis.database import InMemoryExampleDatabase
from torch import Tensor

from criteria import Layer
from criteria.contract.case import drawn_case
from criteria.contract.process import Overtime, time_limit
from criteria.contract.search import Effort, Shelf, find_case
from criteria.pruning.magnitude import Magnitude


def test_searches_share_a_database_but_not_each_others_failures() -> None:
    whole = InMemoryExampleDatabase()
    one, other = Shelf(whole, "mest exact_count"), Shelf(whole, "mest pure")
    one.save(b"key", b"failure")
    assert list(one.fetch(b"key")) == [b"failure"] == list(Shelf(whole, "mest exact_count").fetch(b"key"))
    assert list(other.fetch(b"key")) == []
    one.delete(b"key", b"failure")
    assert list(one.fetch(b"key")) == []


def test_a_call_in_time_is_not_disturbed_and_a_late_one_is_interrupted() -> None:
    with time_limit(60):
        pass
    with pytest.raises(Overtime, match=r"did not return within 0\.1 s"), time_limit(0.1):
        time.sleep(60)


def test_the_alarm_of_someone_else_goes_on() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Overtime), time_limit(0.1):
            time.sleep(60)
        while not rung:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Late(Magnitude):
    """Is late the first times, as if the machine stood still: the alarm rings at once, and at no other time."""

    def __init__(self, times: int) -> None:
        self.left = [times]

    def score(self, layer: Layer) -> Tensor:
        if self.left[0] > 0:
            self.left[0] -= 1
            raise Overtime
        return super().score(layer)


@pytest.mark.parametrize(("times", "blamed"), [(1, False), (2, True)])
def test_a_plugin_is_late_where_it_is_late_twice(times: int, blamed: bool) -> None:
    effort = Effort(max_examples=1, time_limit=600.0, seed=0)
    case = drawn_case((3, 2), 4, 1)
    found = find_case(lambda plugin, case: plugin.score(case.layer), Late(times), None, effort, "late", [case])
    assert (found is not None and found.hung) == blamed
