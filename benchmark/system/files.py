"""Reading and writing whole files, with errors of one line that name the file."""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from benchmark.system import process
from criteria.errors import InputError

HALF_WRITTEN = ".part"
"""How the names of files end that are being written, or were when their process was killed."""


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes; raises :class:`InputError` for anything else.

    Pipes and devices, which may never end, and files far larger than what they should be are not opened.
    """
    with _said_in_one_line(path):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: cannot be read: it is {'a folder' if path.is_dir() else 'not a regular file'}")
    if status.st_size > most:
        raise InputError(f"{path}: cannot be read: it has more than {most:,} bytes, which no such file needs")
    with _said_in_one_line(path):
        return path.read_bytes()


@contextmanager
def _said_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error, path)}") from error
    except ValueError as error:  # a name that no file can have, with a null character in it
        raise InputError(f"{str(path)!r}: cannot be read: {error}") from error


def read_text(path: Path, most: int = 2**24) -> str:
    """The text of a regular file in UTF-8; raises :class:`InputError` for anything else."""
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: byte {error.start + 1} is not UTF-8") from error


def write_atomically(path: Path, content: str | bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all; raises :class:`InputError` where it cannot be written.

    ``content`` is text (written as UTF-8), bytes, or what writes them into an open file. A link stays one, and what it
    leads to is written.
    """
    temporary, place = None, Path(os.path.realpath(path))
    try:
        _require_file_or_nothing(path, place)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=place.parent, prefix=f".{process.name()}-", suffix=HALF_WRITTEN, delete=False
        ) as file:
            temporary = Path(file.name)
            if callable(content):
                content(file.file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(place)
    except (OSError, RuntimeError) as error:
        refused = _refusal(error)
        if refused is None:
            raise
        raise InputError(f"{path}: cannot be written: {reason(refused, place)}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _require_file_or_nothing(path: Path, place: Path) -> None:
    """Raise :class:`InputError` where ``path`` leads to something else than a file, which is at ``place``."""
    if place.exists() and not place.is_file():
        kind = "a folder" if place.is_dir() else "not a regular file"
        raise InputError(f"{path}: cannot be written: it is {kind}")


def append(path: Path, text: str) -> None:
    """Add lines of text (as UTF-8) to a file, behind the last line even where that was cut off.

    Raises :class:`InputError` where it cannot be written.
    """
    try:
        begins_a_line = _ends_a_line(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(text if begins_a_line else f"\n{text}")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason(error, path)}") from error


def require_appendable(path: Path) -> None:
    """Raise :class:`InputError` unless :func:`append` can add to ``path``; changes nothing."""
    problem = None
    if path.is_dir():
        problem = "it is a folder"
    elif not os.path.isdir(path.absolute().parent):
        problem = f"there is no folder {path.parent}"
    elif not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        problem = os.strerror(errno.EACCES)
    if problem is not None:
        raise InputError(f"{path}: cannot be written: {problem}")


def _ends_a_line(path: Path) -> bool:
    """Whether a line begins at the end of a file; a machine that stopped may have cut the last one off."""
    if not path.is_file():  # what cannot be read, such as a pipe, has no line to go on with
        return True
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read(1) in (b"", b"\n")


def _refusal(error: BaseException | None) -> OSError | None:
    """What the system refused, where an error is that or came of it: torch makes an error of its own of a full disk."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def reason(error: OSError, path: Path) -> str:
    """Why the system refused ``path``: what stands where it needs a folder, or the system's own words."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        for place in path.absolute().parents:
            if os.path.lexists(place) and not place.is_dir():
                return f"{place} is not a folder"
    return error.strerror or str(error)


def require_writable(folder: Path) -> None:
    """Make ``folder`` if it is not there; raises :class:`InputError` unless files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written into: {reason(error, folder)}") from error


def require_room(folder: Path) -> None:
    """Raise :class:`InputError` unless ``folder`` is there or can be made, and be written into; makes nothing."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be written into: {there} is not a folder")
    require_writable(there)


def require_room_for(file: Path) -> None:
    """Raise :class:`InputError` unless ``file`` can be written by :func:`write_atomically`; makes nothing."""
    place = Path(os.path.realpath(file))
    _require_file_or_nothing(file, place)
    require_room(place.parent if file.is_symlink() else file.parent)  # named as the user named it, where that is so
