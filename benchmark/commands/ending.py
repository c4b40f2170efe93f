"""How a command ends: its exit status, and one line for what goes wrong, or the case that breaks a contract."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmark.commands import plain_letters
from benchmark.system import early_end, interruption
from benchmark.system.communication import AnotherFailedError
from criteria.errors import InputError, PluginError, one_line, printable

DONE, DEVIATES, BAD_INPUT, BROKEN, UNEXPECTED = range(5)
CLOSED_OUTPUT = interruption.FIRST_STATUS + 13
"""The reader of our output has gone: the status of SIGPIPE, by which other programs end then."""
EXIT_STATUSES = (
    "exit status: 0 all was done, 1 a result deviates, 2 the input is bad or cannot be read or written, or memory is "
    "lacking, 3 a contract is broken or a plugin failed, 4 something unexpected happened, 128 + N ended by signal N "
    "(130 by Ctrl-C; what was trained is kept) or, with N = 13, because nobody reads the output any more"
)
LACKING = ("failed to map segment", "annot allocate memory", "can't allocate memory", "can't start new thread")
"""What loaders, torch and Python say where the system gives no more memory, or no more threads."""
RESUMING = ("run", "reproduce", "gpu", "compare", "tune")
"""Commands that go on from where they were interrupted."""


def prepare_output() -> None:
    """Make sure that output can be written: to nowhere if it was closed, and in plain letters if others are lacking."""
    with suppress(OSError):
        while (nowhere := os.open(os.devnull, os.O_RDWR)) <= 2:  # or the next file that is opened would be our output
            pass
        os.close(nowhere)
    plain_letters.register()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (it stays open)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=plain_letters.NAME)


def ending(deed: Callable[[], int], arguments: Sequence[str]) -> int:
    """Do the deed of a command line and return its exit status; whatever goes wrong is said in one line on stderr.

    A broken contract is said with the code that shows it.

    A status of 0 says that the work was done. It is never returned where a plugin ended the program or the output was
    closed before the end.
    """
    try:
        with interruption.interruptible(), early_end.refused():
            status = deed()
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return _say(_interrupted(interrupt, arguments), interruption.status_of(interrupt))
    except AnotherFailedError:  # it says why
        return BAD_INPUT
    except InputError as error:
        return _say(str(error), BAD_INPUT)
    except PluginError as error:
        return _say(str(error), BROKEN)
    except BrokenPipeError:
        _give_up_output(sys.stdout, sys.stderr)  # nobody is left whom we could tell
        return CLOSED_OUTPUT
    except OSError as error:  # a disk that is full, a folder that may not be entered
        return _say(_refused(error), BAD_INPUT)
    except BaseException as error:  # also a plugin's SystemExit, which does not say that our work is done
        if _lacks_memory(error):
            lacks = f"the system gives too little memory or too few threads ({one_line(error)})"
            return _say(f"{lacks}; end other programs, or raise the limits that `ulimit -a` shows", BAD_INPUT)
        if is_contract_error(error):
            return _say(f"{error}\n--no-contract runs it all the same", BROKEN)
        return _say(_unexpected(error, arguments), UNEXPECTED)
    return status


def _interrupted(interrupt: KeyboardInterrupt, arguments: Sequence[str]) -> str:
    name = interruption.name_of(interrupt)
    how = "interrupted" if name == "SIGINT" else f"interrupted by {name}"
    if arguments[:1] not in [[command] for command in RESUMING]:
        return how
    if "--fresh" in arguments:
        return f"{how}; the same command begins anew, and without --fresh it trains only what has no result at all"
    return f"{how}; the same command goes on from the last result and checkpoint"


def is_contract_error(error: BaseException) -> bool:
    """Whether a contract is broken; the class is in a module that imports torch, so it is only asked for if loaded."""
    results = sys.modules.get("criteria.contract.results")
    return results is not None and isinstance(error, results.ContractError)


def _lacks_memory(error: BaseException) -> bool:
    """Whether memory or threads ran out; torch cannot be asked, for it may be what there was no memory for."""
    if isinstance(error, ImportError | RuntimeError):
        return any(each in str(error) for each in LACKING)
    return isinstance(error, MemoryError)


def _unexpected(error: BaseException, arguments: Sequence[str]) -> str:
    """What happened, in one line, and where the traceback was kept."""
    said = f"{type(error).__name__}: {one_line(error)}"
    kept = _keep("\n".join([f"dst-bench {' '.join(arguments)}", *traceback.format_exception(error)]))
    where = f"the traceback is in {kept}" if kept else "the traceback could not be kept anywhere"
    return f"something unexpected happened ({said}); {where}; please report it with the output of `dst-bench info`"


def _keep(text: str) -> Path | None:
    """Write a report into the user's folder for logs or, where that is impossible, into that for temporary files."""
    import tempfile

    from benchmark.system.files import write_atomically
    from benchmark.system.user import log_folder

    name = f"dst-bench-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (log_folder(), Path(tempfile.gettempdir())):
        with suppress(InputError, OSError):
            write_atomically(folder / name, text)
            return folder / name
    return None


def _refused(error: OSError) -> str:
    """What the system refused, in one line; output that could not be written is given up."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if not _is_somewhere():
        return "the folder that this command was started in is gone; change into one that is there"
    _give_up_output(sys.stdout)
    return f"cannot read or write: {error.strerror or error}"


def _is_somewhere() -> bool:
    """Whether the current folder is there; where it is not, pathlib's errors name no file."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _give_up_output(*streams: object) -> None:
    """Write what is left in buffers to nowhere, since it would be an error once more when Python ends."""
    for stream in streams:
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]


def _say(message: str, status: int) -> int:
    """Print what a terminal can show; control characters, which may come from the input, are shown as escapes."""
    shown = "\n".join(map(printable, message.split("\n")))
    try:
        print(f"dst-bench: {shown}", file=sys.stderr, flush=True)
    except OSError:
        _give_up_output(sys.stdout, sys.stderr)
    return status
