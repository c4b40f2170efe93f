"""A Python process of our own beside this one, which runs the ``main()`` of a module and reads its standard input."""

import os
import subprocess
import sys
from typing import TypeAlias

Child: TypeAlias = "subprocess.Popen[bytes]"


def start(module: str, threads: int) -> Child:
    """Start a process that imports what this one can, and computes with so many threads.

    Its status is what ``main()`` returns. It hears no Ctrl-C: the process that started it ends it.
    """
    path = [os.path.abspath(each or ".") for each in sys.path]
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; import {module} as m; sys.exit(m.main())"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        start_new_session=True,
    )
