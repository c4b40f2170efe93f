"""Where data files are looked for, and the one-line errors for those that are missing or not what they should be."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from criteria.errors import InputError


def data_root(data_dir: Path | None = None) -> Path:
    """The folder for data files: ``data_dir``, else ``DST_BENCH_DATA``, else the user's cache folder."""
    if data_dir is not None:
        return data_dir.expanduser()
    from_environment = os.environ.get("DST_BENCH_DATA")
    if from_environment:
        return Path(from_environment).expanduser()
    return Path(platformdirs.user_cache_dir("dst-bench", appauthor=False))


def missing(name: str, places: Iterable[Path], remedy: str) -> InputError:
    """The error for a data set whose files are in none of ``places``."""
    return InputError(f"no files of {name} in {', '.join(map(str, places))}; {remedy}")


def read_published(path: Path, sha256: str) -> bytes:
    """The content of a published file (unpacked, where its name ends in .gz), known by its SHA-256.

    Whatever is wrong with the file (truncated, of another release, tampered with), its hash differs, and it is not
    parsed: raises :class:`InputError`.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it and get it again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path} is not the published file: its content has {len(content)} bytes and SHA-256 {found}, "
            f"which should be {sha256}; remove it and get it again"
        )
    return content
