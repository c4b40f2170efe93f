"""Where data files are looked for, and the one-line errors for those that are missing or not what they should be."""

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from benchmark.system.files import read_bytes
from benchmark.system.user import cache_folder, expanded
from criteria.errors import InputError, one_line

MOST_BYTES = 2**28
"""Of a published file, packed or not; the largest one, CIFAR's, has 170 million."""

RETRIES = 2
"""How often a download that failed is tried again, after a second and then two."""

_forbidden: ContextVar[bool] = ContextVar("downloads are forbidden", default=False)


def data_root(data_dir: Path | None = None) -> Path:
    """The folder for data files: ``data_dir``, else ``DST_BENCH_DATA``, else the user's cache folder."""
    if data_dir is not None:
        return expanded(data_dir)
    from_environment = os.environ.get("DST_BENCH_DATA")
    if from_environment:
        return expanded(from_environment)
    return cache_folder()


class MissingDataError(InputError):
    """A data set is nowhere to be found."""


def missing(name: str, places: Sequence[Path], remedy: str) -> MissingDataError:
    """The error for a data set that is in none of ``places``."""
    return MissingDataError(f"{name} is not in {' or '.join(map(str, places))}; {remedy}")


@contextlib.contextmanager
def without_downloads() -> Iterator[None]:
    """Inside, a data set that would have to be downloaded is missing: :class:`MissingDataError`."""
    before = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(before)


def require_downloads(name: str, places: Sequence[Path]) -> None:
    """Raises :class:`MissingDataError` where nothing may be downloaded at present."""
    if _forbidden.get():
        raise missing(name, places, "nothing is downloaded to try things out")


@dataclass(frozen=True)
class Remote:
    """A file that can be downloaded."""

    url: str
    path: Path
    """Where it belongs."""
    digest: str
    """Of what is downloaded, such as ``md5:…``."""


def download(name: str, places: Sequence[Path], files: Sequence[Remote]) -> None:
    """Download the files that are not there, one process at a time; raises :class:`InputError` where it cannot.

    A file is written under another name, checked by its digest, and then moved to where it belongs: so it is there
    whole or not at all, and what a killed process left is removed. ``places`` are where the files have been looked for.
    """
    require_downloads(name, places)
    folder = files[0].path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".download.lock"):
            unfinished = folder / ".download"
            shutil.rmtree(unfinished, ignore_errors=True)
            for file in files:
                if not file.path.exists():  # another process may have brought it while this one waited
                    print(f"downloading {name}: {file.url} into {folder}", file=sys.stderr)
                    _fetch(file, unfinished)
            shutil.rmtree(unfinished, ignore_errors=True)
    except (OSError, RuntimeError, ValueError) as error:  # a ValueError tells that the digest is another
        raise not_downloaded(name, places, error) from error


def _fetch(file: Remote, unfinished: Path) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    kept = pooch.create(unfinished, base_url="", registry={file.path.name: file.digest}, retry_if_failed=RETRIES)
    kept.urls[file.path.name] = file.url
    os.replace(kept.fetch(file.path.name), file.path)


def not_downloaded(name: str, places: Sequence[Path], error: Exception) -> MissingDataError:
    """The error for a data set that is in none of ``places`` and could not be downloaded."""
    return missing(name, places, f"downloading it failed ({one_line(error)}), so put its files there")


def read_published(path: Path, digest: str, *, unpack: bool = False) -> bytes:
    """The content of a published file, known by its digest, such as ``sha256:…`` or ``md5:…``.

    With ``unpack`` a file whose name ends in .gz is unpacked first, and the digest is that of its content. A file that
    is truncated, of another release or tampered with has another digest and is never parsed: raises
    :class:`InputError`.
    """
    remedy = "remove it and get it again"
    content = read_bytes(path, MOST_BYTES)
    if unpack and path.suffix == ".gz":
        content = _unpacked(content, path, remedy)
    algorithm, _, expected = digest.partition(":")
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise InputError(
            f"{path} is not the published file: its {len(content)} bytes have the {algorithm} digest {found}, "
            f"which should be {expected}; {remedy}"
        )
    return content


def _unpacked(content: bytes, path: Path, remedy: str) -> bytes:
    # A thousand bytes may unpack to a million, and those are not yet known by their digest.
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            unpacked = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({one_line(error)}); {remedy}") from error
    if len(unpacked) > MOST_BYTES:
        raise InputError(f"{path} unpacks to more than {MOST_BYTES:,} bytes, which no published file does; {remedy}")
    return unpacked
