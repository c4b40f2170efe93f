"""The threads of the sparse engine do what was begun, all of it once, and go on after a failure."""

import threading

import numpy as np
import pytest

from benchmark.training.engines.sparse.program.threads import Threads


def counting(pieces):
    """A job of so many pieces, and how often each was done; pieces are taken from the queue as compiled code does."""
    done, lock = np.zeros(pieces, int), threading.Lock()

    def job(queue, _thread):
        while True:
            with lock:
                number, queue[0] = int(queue[0]), queue[0] + 1
            if number >= pieces:
                return
            done[number] += 1

    return job, done


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_was_begun_is_done_once_when_one_has_waited(count):
    threads = Threads(count)
    jobs = [counting(pieces) for pieces in (3, 40, 1)]
    for job, _ in jobs[:2]:
        threads.begin(job)
    threads.run(jobs[2][0])
    assert all((done == 1).all() for _, done in jobs)
    threads.wait()  # nothing is left
    assert all((done == 1).all() for _, done in jobs)


def test_one_thread_alone_begins_when_it_waits():
    threads = Threads(1)
    job, done = counting(2)
    threads.begin(job)
    assert not done.any()
    threads.wait()
    assert done.all()


@pytest.mark.parametrize("fails", [0, 1])
def test_a_failure_of_any_thread_comes_out_where_one_waits_and_the_threads_go_on(fails):
    threads = Threads(2)

    def failing(_queue, thread):
        if thread == fails:
            raise ArithmeticError("no more")

    threads.begin(failing)
    threads.begin(lambda _queue, _thread: None)
    with pytest.raises(ArithmeticError, match="no more"):
        threads.wait()
    job, done = counting(9)
    threads.run(job)
    assert (done == 1).all()
