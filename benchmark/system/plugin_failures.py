"""What comes of a plugin that fails while it is used: one error, which says which plugin it was and what it said."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.system.interruption import is_interruption
from criteria.errors import InputError, PluginError, is_out_of_memory, one_line
from criteria.isolation import kept_process_state


@contextmanager
def blaming(what: str, most: int = 200) -> Iterator[None]:
    """Whatever is raised inside comes out as by :func:`failures_of`, and the plugin leaves the process as it was.

    What it prints goes to standard error, because standard output may be for a program, and what it changes of the
    process is put back.
    """
    with failures_of(what, most), kept_process_state():
        yield


@contextmanager
def failures_of(what: str, most: int = 200, *, memory: bool = True) -> Iterator[None]:
    """Whatever is raised inside comes out as a :class:`PluginError`, ``what`` and the :func:`reason`.

    Errors that say themselves what is wrong, :class:`InputError` and :class:`PluginError`, and an interruption by the
    user come out as they are; without ``memory`` so does running out of memory, where the size of a fleet may be why.
    """
    try:
        yield
    except (InputError, PluginError):
        raise
    except BaseException as error:  # a plugin may fail in any way, and end the program too
        if is_interruption(error) or (not memory and is_out_of_memory(error)):
            raise
        raise PluginError(f"{what}: {reason(error, most)}") from cause_of(error)


def cause_of(error: BaseException) -> BaseException | None:
    """What a :class:`PluginError` that a context manager makes of a plugin's error is raised from."""
    # contextlib takes any RuntimeError whose cause is the StopIteration of the block for the one that Python makes of a
    # StopIteration in a generator, and raises the StopIteration in its place.
    return None if isinstance(error, StopIteration) else error


def reason(error: BaseException, most: int = 200) -> str:
    """What an error of a plugin says, in one line of about ``most`` characters, after its type where that says more."""
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit {error.code!r})"
    said, kind = one_line(error, most), type(error).__name__
    return said if isinstance(error, ValueError) or said == kind else f"{kind}: {said}"
