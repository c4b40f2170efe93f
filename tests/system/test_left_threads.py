"""A command that is done ends with its status, whatever threads a plugin has left behind."""

import subprocess
import sys
import threading
import time

import pytest

from benchmark.system import child

LEAVES = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
import dst_bench, benchmark.commands.info as info, benchmark.system.left_threads as left_threads

def main(_arguments):
    {deed}
    print("whole")
    return {status}

info.main = main
sys.argv = ["dst-bench", "info"]
sys.exit(dst_bench.main())
"""
FOR_EVER = "threading.Thread(target=time.sleep, args=(600,), name='forgotten').start()"
BUSY_POOL = "ThreadPoolExecutor(1, 'busy').submit(time.sleep, 600)"
IDLE_POOL = "globals().update(pool=ThreadPoolExecutor(1, 'idle')); pool.submit(int).result(); "
IDLE_POOL += "left_threads.GRACE_SECONDS = 300"  # on a busy machine a thread may take a while to end


def ended(deed, status):
    """Status, output and errors of a command that does this."""
    script = LEAVES.format(deed=deed, status=status)
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    return found.returncode, found.stdout, found.stderr


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize(("deed", "name"), [(FOR_EVER, "forgotten"), (BUSY_POOL, "busy_0")], ids=["thread", "pool"])
def test_a_thread_that_is_left_behind_is_named_and_not_waited_for(deed, name, status):
    line = f"dst-bench: ends without waiting for a thread that is left behind: {name!r}\n"
    assert ended(deed, status) == (status, "whole\n", line)


def test_of_many_threads_some_are_named():
    one = ", ".join(["'one'"] * 5)
    many = f"[{FOR_EVER.replace('forgotten', 'one')} for _ in range(9)]"
    line = f"dst-bench: ends without waiting for 9 threads that are left behind: {one}, …\n"
    assert ended(many, 0) == (0, "whole\n", line)


@pytest.mark.parametrize("deed", ["pass", IDLE_POOL], ids=["none", "idle pool"])
def test_threads_that_end_when_they_are_told_to_are_no_news(deed):
    assert ended(deed, 1) == (1, "whole\n", "")


def main(seconds):
    """What the process of our own below runs in this module."""
    threading.Thread(target=time.sleep, args=(seconds,)).start()
    return 7


def test_a_process_of_our_own_is_not_kept_alive_either():
    with child.start(__name__, 1, 600) as process:
        try:
            assert process.wait(timeout=300) == 7
        finally:
            process.kill()


def test_a_program_that_goes_on_keeps_threads_of_its_own():
    script = f"import sys, threading, time\n{FOR_EVER.replace('600', '3')}\n" + LEAVES.format(deed="pass", status=0)
    script = script.replace("sys.exit(dst_bench.main())", "dst_bench.main(); time.sleep(2); print('goes on')")
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert (found.stdout, found.stderr) == ("whole\ngoes on\n", "")
