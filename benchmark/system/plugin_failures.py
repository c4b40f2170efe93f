"""What comes of a plugin that fails while it is used: one error, which says which plugin it was and what it said."""

from collections.abc import Iterator
from contextlib import contextmanager

from criteria.errors import InputError, PluginError, is_out_of_memory, one_line


@contextmanager
def blaming(what: str, most: int = 200, *, memory: bool = True) -> Iterator[None]:
    """Whatever is raised inside comes out as a :class:`PluginError`, ``what`` and the :func:`reason`.

    Errors that say themselves what is wrong, :class:`InputError` and :class:`PluginError`, and an interruption by the
    user come out as they are; without ``memory`` so does running out of memory, where the size of a fleet may be why.
    """
    try:
        yield
    except (InputError, PluginError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin may fail in any way, and end the program too
        if not memory and is_out_of_memory(error):
            raise
        raise PluginError(f"{what}: {reason(error, most)}") from error


def reason(error: BaseException, most: int = 200) -> str:
    """What an error of a plugin says, in one line of about ``most`` characters, after its type where that says more."""
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit {error.code!r})"
    said, kind = one_line(error, most), type(error).__name__
    return said if isinstance(error, ValueError) or said == kind else f"{kind}: {said}"
