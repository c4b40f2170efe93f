"""Where data files are looked for, and the one-line errors for those that are missing or not what they should be."""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from filelock import FileLock

from benchmark.system.files import read_bytes
from criteria.errors import InputError, one_line

MOST_BYTES = 2**28
"""Of a published file, packed or not; the largest one, CIFAR's, has 170 million."""


def data_root(data_dir: Path | None = None) -> Path:
    """The folder for data files: ``data_dir``, else ``DST_BENCH_DATA``, else the user's cache folder."""
    if data_dir is not None:
        return _expanded(data_dir)
    from_environment = os.environ.get("DST_BENCH_DATA")
    if from_environment:
        return _expanded(Path(from_environment))
    return Path(platformdirs.user_cache_dir("dst-bench", appauthor=False))


def _expanded(folder: Path) -> Path:
    return Path(os.path.expanduser(folder))  # pathlib's raises for a user who does not exist


def missing(name: str, places: Sequence[Path], remedy: str) -> InputError:
    """The error for a data set that is in none of ``places``."""
    return InputError(f"{name} is not in {' or '.join(map(str, places))}; {remedy}")


def download(name: str, root: Path, places: Sequence[Path], fetch: Callable[[], object]) -> None:
    """Let ``fetch`` put files into ``root``, one process at a time; raises :class:`InputError` where it cannot.

    ``places`` are where the files have been looked for.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".download.lock"):
            fetch()
    except (OSError, RuntimeError) as error:
        raise not_downloaded(name, places, error) from error


def not_downloaded(name: str, places: Sequence[Path], error: Exception) -> InputError:
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
