"""The user's own folders, also where the system knows no home of the user, as it is in some containers."""

import os
import tempfile
from pathlib import Path

from criteria.errors import InputError


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return _folder("cache")


def log_folder() -> Path:
    """Where reports of unexpected errors are kept."""
    return _folder("log")


def kept_folder() -> Path:
    """Where what took time to make is kept, such as results."""
    return _folder("data")


def expanded(folder: str | Path) -> Path:
    """A folder as a user writes it, ``~`` included; raises :class:`InputError` for the home of a user who has none."""
    path = Path(os.path.expanduser(folder))  # pathlib's own raises for a user who does not exist
    if path.parts and path.parts[0].startswith("~") and str(folder).startswith("~"):
        raise InputError(f"{folder}: the system knows no home folder {path.parts[0]}; write the path out")
    return path


def _folder(kind: str) -> Path:
    """The user's folder of that kind; a temporary one where there is no home that it could be below."""
    import platformdirs

    find = {
        "cache": platformdirs.user_cache_dir,
        "log": platformdirs.user_log_dir,
        "data": platformdirs.user_data_dir,
    }[kind]
    try:
        path = Path(find("dst-bench", appauthor=False))
        if path.is_absolute():  # and not one named ~ below wherever we happen to be, as older versions have it
            return path
    except RuntimeError:
        pass
    return Path(tempfile.gettempdir()) / f"dst-bench-{getattr(os, 'getuid', lambda: 0)()}" / kind
