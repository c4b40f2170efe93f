"""A Python process of our own beside this one, which runs the ``main()`` of a module on what it is sent."""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import TypeAlias

Child: TypeAlias = "subprocess.Popen[bytes]"


def start(module: str, threads: int, sent: object) -> Child:
    """Start a process that calls the module's ``main(sent)``, whose result is its status.

    It can import what this one can, and computes with so many threads. Its standard input ends when this process does.
    It hears no Ctrl-C: the process that started it ends it.
    """
    path, data = [os.path.abspath(each or ".") for each in sys.path], pickle.dumps(sent)
    # it takes what it is sent before it imports anything, which takes seconds in which this process would wait
    code = (
        f"import pickle, sys; data = sys.stdin.buffer.read({len(data)}); sys.path[:] = {path!r}; "
        f"import {module} as m, benchmark.system.left_threads as t; sys.exit(t.ended(m.main(pickle.loads(data))))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        start_new_session=True,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has died, which its status says
        process.stdin.write(data)
        process.stdin.flush()
    return process
