"""Errors that a user can mend."""

_LONGEST = 2000
"""Characters of a message; what a damaged file put between its beginning and its end is left out."""


class InputError(ValueError):
    """Bad input: its message is one line saying what is wrong, where, and what would be right.

    Line breaks and other characters that are not printable, which may come from the input, are shown as their escapes.
    Commands print the message and exit with status 2; they never show a traceback for it.
    """

    def __init__(self, message: str) -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
        super().__init__(printable(message))


class PluginError(RuntimeError):
    """A plugin failed while it was used: its message is one line saying which, where and how.

    Commands print the message and exit with status 3.
    """


def said(error: BaseException) -> str:
    """What an error says, which may be of a class with a ``__str__`` that fails: nothing then."""
    try:
        return str(error)
    except Exception:
        return ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy or torch says that memory ran out; torch has a class for it on GPUs only."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in said(error)


def one_line(error: BaseException, most: int = 200) -> str:
    """What an error says, as one printable line of 1 to ``most`` characters; its type's name where it says nothing."""
    line = printable(" ".join(said(error).split()) or type(error).__name__)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def where_raised(error: BaseException) -> str:
    """Where in a plugin's code an error came up, as ``file, line N``; empty where no code but ours and torch's ran.

    It is the innermost place that is neither in our packages (apart from the rules that we ship) nor in torch, numpy or
    the standard library.
    """
    import sys
    import sysconfig
    import traceback
    from pathlib import Path

    home = Path(__file__).resolve().parent
    ours = [home.parent / name for name in ("criteria", "benchmark", "baselines")]
    rules = [home / "pruning", home / "growth"]
    others = [
        Path(module.__file__).parent
        for name in ("torch", "numpy")
        if (module := sys.modules.get(name)) is not None and module.__file__
    ]
    standard = Path(sysconfig.get_path("stdlib"))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        above = set(path.resolve().parents)
        is_standard = standard in above and not {"site-packages", "dist-packages"} & set(path.parts)
        if not path.exists() or is_standard or above & set(others):
            continue
        if above.isdisjoint(ours) or above & set(rules):
            return f"{frame.filename}, line {frame.lineno}"
    return ""


def printable(text: str) -> str:
    """The text with line breaks, escape characters and whatever else does not print shown as their escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
