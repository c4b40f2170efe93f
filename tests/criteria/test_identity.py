"""A run is known by the code that decides it: whatever changes what a plugin does gives it another fingerprint."""

import importlib
import itertools
import subprocess
import sys

import pytest

from criteria import load, names
from criteria.fingerprint import fingerprint

NUMBERS = itertools.count()
PACKAGE = {
    "criterion": '''
"""A criterion."""
from . import constants
from .base import Base
from .helpers import squared
from .other import Other

class Mine(Base):
    """Its score."""
    of = Other()

    def score(self, layer):
        # why
        return squared(layer.weight) * constants.FACTOR
''',
    "base": "from criteria.api import Criterion\nclass Base(Criterion):\n    requires_grad = False\n",
    "helpers": "def squared(tensor):\n    return tensor**2\n",
    "constants": "FACTOR = 2\n",
    "other": "class Other:\n    beta = 0.9\n",
    "unrelated": "X = 1\n",
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The fingerprint of a criterion of a package, in which one text of one module is replaced by another."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(module="criterion", old="", new="", **renamed):
        name = f"made_up_{next(NUMBERS)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for each, text in PACKAGE.items():
            assert each != module or old in text
            changed = text.replace(old, new, 1) if each == module and old else text
            (folder / f"{renamed.get(each, each)}.py").write_text(changed)
        importlib.invalidate_caches()
        return fingerprint(importlib.import_module(f"{name}.{renamed.get('criterion', 'criterion')}").Mine)

    return written


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("criterion", "layer.weight)", "layer.grad)"),
        ("base", "False", "True"),
        ("helpers", "**2", "**3"),
        ("constants", "2", "3"),
        ("other", "0.9", "0.8"),
    ],
)
def test_another_body_base_helper_constant_or_part_is_another_criterion(written, module, old, new):
    assert written(module, old, new) != written()
    assert written(module, old, new, criterion="api") != written(criterion="api")


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("criterion", "Its score.", "Its score, explained."),
        ("criterion", "# why\n", "# why not\n"),
        ("helpers", "(tensor):\n    return tensor**2", "(\n    tensor,\n): return (tensor ** 2)"),
        ("unrelated", "1", "2"),
    ],
)
def test_words_layout_and_code_that_it_does_not_use_are_not_the_criterion(written, module, old, new):
    assert written(module, old, new) == written()


def test_code_without_source_has_none():
    assert fingerprint(type("Compiled", (), {"__module__": "sys"})) is None


def test_every_installed_criterion_has_one_of_its_own():
    found = [fingerprint(type(load(name))) for name in names()]
    assert None not in found
    assert len({*found}) == len(found)


def test_it_is_the_same_in_another_process_that_has_imported_nothing_else():
    code = (
        "from criteria.fingerprint import fingerprint; from criteria.pruning.snip import SNIP; print(fingerprint(SNIP))"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == fingerprint(type(load("snip")))
