"""Files of OpenML that scikit-learn downloads and reads, kept where scikit-learn cannot remove them.

Whatever goes wrong while it reads a file, scikit-learn removes that file and downloads it again. So it is given links
to what is there, and what it has downloaded is copied to its place once it could be read.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.data.published import not_downloaded, require_downloads
from benchmark.system.files import write_atomically
from criteria.errors import InputError, is_out_of_memory, one_line, said

ANSWERS = ("data", "data/features", "data/qualities")
"""What is asked of OpenML about a data set before its ARFF file."""


def features_and_target(name: str, data_id: int, root: Path, **options: Any) -> tuple[Any, Any]:
    """A data set of OpenML from the files below ``root/openml``, as ``fetch_openml`` gives it with ``options``.

    What is not there is downloaded and kept there. Raises :class:`InputError` for a file that cannot be read, and where
    downloading fails; an error that says that memory ran out comes out as it is.
    """
    place = root / "openml"
    there = _files(place)
    complete = _is_complete(there, data_id)
    if not complete:
        require_downloads(name, [place])
    try:
        if not complete:
            root.mkdir(parents=True, exist_ok=True)  # what is downloaded has room where it will be kept
        with TemporaryDirectory(prefix=".openml-", dir=None if complete else root) as folder:
            return _read_links(name, data_id, place, there, Path(folder), options)
    except OSError as error:
        raise not_downloaded(name, [place], error) from error


def _read_links(
    name: str, data_id: int, place: Path, there: list[Path], folder: Path, options: dict[str, Any]
) -> tuple[Any, Any]:
    from sklearn.datasets import fetch_openml

    links = {path: folder / "openml" / path.relative_to(place) for path in there}
    for path, link in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.absolute())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scikit-learn warns of is in the error, if it comes to one
            found: tuple[Any, Any] = fetch_openml(
                data_id=data_id, data_home=str(folder), return_X_y=True, n_retries=1, **options
            )
    except Exception as error:  # scikit-learn meets a damaged copy in many ways: a KeyError maybe
        for each in _with_its_causes(error):
            if is_out_of_memory(each) or "out of memory" in said(each):  # the latter is what pandas says
                _keep_downloads(folder / "openml", place)
                raise MemoryError(said(each)) from error
        damaged = [path for path, link in links.items() if not link.is_symlink()]
        if not damaged and not isinstance(error, OSError):
            damaged = [path for path in there if ".arff" in path.name]
        if not damaged:
            raise not_downloaded(name, [place], error) from error
        *_, first = _with_its_causes(error)
        why = one_line(first).replace(str(folder), str(place.parent))
        raise InputError(f"{damaged[0]} cannot be read ({why}); remove it and get it again") from error
    _keep_downloads(folder / "openml", place)
    return found


def _files(place: Path) -> list[Path]:
    """The files below a folder, also through links; raises :class:`InputError` for what scikit-learn would wait for."""
    found = [Path(folder) / name for folder, _, names in os.walk(place, followlinks=True) for name in sorted(names)]
    for path in found:
        if not path.is_file():
            raise InputError(f"{path} is not a regular file; remove it to get it again")
    return found


def _is_complete(there: list[Path], data_id: int) -> bool:
    """Whether nothing has to be downloaded."""
    answered = [any(path.match(f"{answer}/{data_id}.gz") for path in there) for answer in ANSWERS]
    return all(answered) and any(".arff" in path.name for path in there)


def _with_its_causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what was being handled when it came up, and so on: what went wrong first is last."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _keep_downloads(folder: Path, place: Path) -> None:
    for path in _files(folder):
        if not path.is_symlink():
            write_atomically(place / path.relative_to(folder), path.read_bytes())
