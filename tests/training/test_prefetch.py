"""Working ahead changes when things are made, and nothing else."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.training.prefetch import ahead


@given(items=st.lists(st.none() | st.integers()), count=st.integers(1, 5))
def test_the_same_items_come_in_the_same_order(items, count):
    assert list(ahead(iter(items), count)) == items


def test_so_many_are_made_before_they_are_asked_for_and_no_more():
    made, enough = [], threading.Event()

    def items():
        for number in range(10):
            made.append(number)
            if number == 3:
                enough.set()
            yield number

    coming = ahead(items(), 3)
    assert next(coming) == 0
    assert enough.wait(60)  # items 1 to 3 are made while item 0 is looked at
    coming.close()
    assert made == [0, 1, 2, 3]


def test_a_failure_is_raised_in_the_place_of_its_item():
    def items():
        yield 1
        raise ValueError("the second")

    coming = ahead(items(), 3)
    assert next(coming) == 1
    with pytest.raises(ValueError, match="the second"):
        next(coming)


def test_what_is_left_half_way_leaves_no_thread_behind():
    before = set(threading.enumerate())  # an earlier test may have left one
    coming = ahead(iter(range(100)), 2)
    next(coming)
    own = [thread for thread in threading.enumerate() if thread.name.startswith("ahead") and thread not in before]
    assert own
    coming.close()
    assert not any(thread.is_alive() for thread in own)
