"""Folders that stand for the user's: no test reads or writes the cache, the logs or the results of whoever runs it."""

from contextlib import suppress

import pytest

from benchmark.running import gate
from benchmark.system.files import write_atomically
from benchmark.system.user import cache_folder
from criteria.plugins import Spec, names

CHECKED = ("criterion", "growth", "schedule")
"""The kinds of plugins that are trained only once they have passed the contract."""
WRITTEN = ("contracts", "hypothesis")
"""What commands write into our cache folder; all else in it is data that were downloaded or prepared."""
SLOW_TO_MAKE = ("numba", "matplotlib")
"""What libraries keep in the user's cache: code that they compiled, where it is not beside its source, and fonts."""


@pytest.fixture(scope="session", autouse=True)
def users_folders(tmp_path_factory):
    """Each process that runs tests has these folders to itself, with links to what takes minutes to get or to make."""
    before, folder = cache_folder(), tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("cache", "state", "data"):
            patch.setenv(f"XDG_{kind.upper()}_HOME", str(folder / kind))
        if cache_folder() != before:  # the variables count on this system
            link_what_is_slow(before, cache_folder())
            let_what_is_shipped_pass()
        yield


def link_what_is_slow(before, now):
    """From one cache folder of ours to another: data, and beside the folders what the libraries keep."""
    data = {path.name for path in before.iterdir()} - {*WRITTEN} if before.is_dir() else ()
    now.mkdir(parents=True)
    for old, new, kept in ((before, now, data), (before.parent, now.parent, SLOW_TO_MAKE)):
        for name in kept:
            with suppress(OSError):  # then it is made once more
                if not (old / name).exists():
                    (old / name).mkdir(parents=True)
                (new / name).symlink_to(old / name)


def let_what_is_shipped_pass():
    """As if a command had checked it before: tests/contract asks it, which takes ten seconds for each plugin."""
    for kind in CHECKED:
        for spec in map(Spec, names(kind)):
            write_atomically(gate._passed(spec, kind), gate._text(spec, kind))
