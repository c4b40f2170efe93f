"""Whatever happens to a file that we read: one line that names it, or nothing is believed that it did not hold."""

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from criteria import InputError
from tests.fuzz.formats import FORMATS

HANGS = 60
"""Seconds after which reading a small file will never end."""

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name.replace(" ", "-"))


@contextmanager
def whole_again(path):
    """Puts back what was at ``path``, whatever stands there afterwards."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.write_bytes(content)


@contextmanager
def that_ends():
    """Fails what hangs, on systems that can interrupt it."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def hung(*_):
        pytest.fail(f"still reading after {HANGS} seconds")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(HANGS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(form, folder, path):
    """What comes of a damaged file: None where it is refused, in one line that names it or a folder that it is in."""
    with that_ends():
        try:
            return form.read(folder)
        except InputError as error:
            message = str(error)
            assert message.isprintable()
            assert any(
                str(place) in message for place in (path, *path.parents[:-3]) if place.is_relative_to(folder)
            ) or (form.name == "expected values" and "no cell has both" in message), message
            return None


def fuzz(form, folder, monkeypatch, examples, seed=None):
    """Reads files of one format after random damage; returns how many were read, and how many of them refused."""
    paths = form.prepare(folder, monkeypatch)
    whole = form.read(folder)
    contents = {path: path.read_bytes() for path in paths}
    counts = {"read": 0, "refused": 0}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(st.data())
    def damaged(data):
        path = data.draw(st.sampled_from(paths), label="file")
        content = data.draw(form.damage(contents[path]).filter(lambda content: content != contents[path]))
        for other, untouched in contents.items():  # scikit-learn deletes its damaged copies
            if not other.exists():
                other.write_bytes(untouched)
        with whole_again(path):
            path.write_bytes(content)
            found = read(form, folder, path)
            counts["read"] += 1
            counts["refused"] += found is None
            if found is not None:
                form.accept(whole, found)

    (hypothesis.seed(seed)(damaged) if seed is not None else damaged)()
    return counts


@every_format
def test_a_damaged_file_is_refused_in_one_line_or_read_for_what_it_holds(form, tmp_path, monkeypatch):
    counts = fuzz(form, tmp_path, monkeypatch, examples=30 // form.cost)
    assert counts["refused"] > 0 or form.name == "contract cache"


def place_a_folder(path):
    path.unlink()
    path.mkdir()


def place_a_circle(path):
    path.unlink()
    path.symlink_to(path)


def place_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def place_an_endless_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def forbid(path):
    path.chmod(0)


@pytest.fixture
def open_folder():
    """A folder that every user can enter; those that pytest makes are their owner's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def as_nobody():
    """Takes root's power to read everything from this process for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@every_format
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
@pytest.mark.parametrize("place", [place_a_folder, place_a_circle, place_a_pipe, place_an_endless_device, forbid])
def test_what_is_no_readable_file_is_refused_in_one_line(form, place, open_folder, monkeypatch):
    path = form.prepare(open_folder, monkeypatch)[-1]
    whole = form.read(open_folder)
    place(path)
    with as_nobody():
        found = read(form, open_folder, path)
    if found is not None:
        form.accept(whole, found)


@pytest.mark.long
def test_ten_thousand_damaged_files(tmp_path, monkeypatch, capsys, request):
    """Prints how many files of each format were read and refused, and with which seed: --hypothesis-seed repeats it."""
    given_seed = request.config.getoption("--hypothesis-seed")
    seed = int(given_seed) if given_seed is not None else int.from_bytes(os.urandom(4), "big")
    total = 0
    for form in FORMATS:
        folder = tmp_path / form.name
        folder.mkdir()
        with monkeypatch.context() as patch:
            counts = fuzz(form, folder, patch, 1600 // form.cost, seed)
        total += counts["read"]
        with capsys.disabled():
            print(f"\n{form.name}: {counts['read']} files read, {counts['refused']} refused, seed {seed}", end="")
    with capsys.disabled():
        print(f"\nall formats: {total} files")
    assert total >= 10_000
