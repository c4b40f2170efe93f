"""A run is known by the code that decides it: whatever changes what a plugin does gives it another identity."""

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

from criteria.plugins import KINDS, identities, identity, names, registered
from tests.installed import Site, unique

PACKAGE = {
    "__init__": '"A package."',
    "criterion": '''
        """A criterion."""
        import math

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


def point(value):
    return f"[dst_bench.criteria]\nmine = {value}\n"


def identity_of(site, files, value, **options):
    """The identity of a criterion of a distribution with these files."""
    site.install("mine", files, point(value), **options)
    return identity("mine")


@pytest.fixture
def written(site):
    """The identity of a criterion of a package, in which one text of one module is replaced by another."""

    def written(module="criterion", old="", new="", **renamed):
        name = unique()
        assert old in PACKAGE[module]
        changed = {**PACKAGE, module: PACKAGE[module].replace(old, new, 1) if old else PACKAGE[module]}
        files = {f"{name}/{renamed.get(each, each)}.py": text for each, text in changed.items()}
        return identity_of(site, files, f"{name}.{renamed.get('criterion', 'criterion')}:Mine")

    return written


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("criterion", "layer.weight)", "layer.grad)"),
        ("criterion", "import math", "import cmath as math"),
        ("criterion", "from .helpers import squared", "from .base import Base as squared"),
        ("base", "False", "True"),
        ("helpers", "**2", "**3"),
        ("constants", "2", "3"),
        ("other", "0.9", "0.8"),
        ("__init__", "A package.", 'A package."\nimport torch\ntorch.set_default_dtype(torch.float64)\n"'),
    ],
)
def test_another_body_base_helper_constant_part_or_package_is_another_criterion(written, module, old, new):
    assert written(module, old, new) != written()
    assert written(module, old, new, criterion="api") != written(criterion="api")


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("criterion", "Its score.", "Its score, explained."),
        ("criterion", "# why\n", "# why not\n"),
        ("criterion", "from .base import Base\n        from .helpers", "from .base import Base; from .helpers"),
        ("helpers", "(tensor):\n    return tensor**2", "(\n    tensor,\n): return (tensor ** 2)"),
        ("unrelated", "1", "2"),
    ],
)  # fmt: skip
def test_words_layout_and_code_that_it_does_not_use_are_not_the_criterion(written, module, old, new):
    assert written(module, old, new) == written()


def test_where_its_modules_stand_is_not_the_criterion(written, site):
    """The package and a module have another name each, and one module moves into a package below."""
    name = unique()
    moved = {f"{name}/{module}.py": text for module, text in PACKAGE.items() if module != "helpers"}
    moved[f"{name}/tools/__init__.py"] = ""
    moved[f"{name}/tools/powers.py"] = PACKAGE["helpers"]
    moved[f"{name}/criterion.py"] = PACKAGE["criterion"].replace(".helpers", f"{name}.tools.powers")
    before = written()
    assert identity_of(site, moved, f"{name}.criterion:Mine") == before
    assert written(criterion="renamed") == before


def test_moving_one_of_our_own_modules_changes_no_identity(tmp_path):
    """``snip`` moves out of ``criteria.pruning``, and those who import it follow."""
    root = Path(identities.__file__).parents[2]
    for name in ("criteria", "baselines", "benchmark"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "expected_results"))
    code = "from criteria.plugins import identity, names; print({name: identity(name) for name in names()})"
    info = tmp_path / "dst_bench-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dst-bench\nVersion: 0.1.0\n")
    points = "".join(f"{each.name} = {each.value}\n" for each in registered("criterion").values())

    def said(points):
        (info / "entry_points.txt").write_text(f"[dst_bench.criteria]\n{points}")
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    before = said(points)
    (tmp_path / "criteria/elsewhere").mkdir()
    (tmp_path / "criteria/pruning/snip.py").rename(tmp_path / "criteria/elsewhere/first_order.py")
    for path in (tmp_path / "criteria/pruning").glob("*.py"):
        path.write_text(path.read_text().replace("criteria.pruning.snip ", "criteria.elsewhere.first_order "))
    moved = points.replace("criteria.pruning.snip:", "criteria.elsewhere.first_order:")
    assert moved != points
    assert said(moved) == before
    assert "'snip'" in before
    assert "'running_snip'" in before


def test_the_modules_of_the_interface_are_known_by_our_version(written):
    """Plugins reach them by the public package or by the module that a name is from, which is the same."""
    assert written("base", "from criteria.api", "from criteria") == written()


FLAT = """
from criteria import Criterion
{imports}
class Mine(Criterion):
    def score(self, layer):
        return {score}
"""


def flat(imports, score):
    return FLAT.format(imports=imports, score=score)


@pytest.mark.parametrize("editable", [False, True])
def test_a_second_top_level_module_of_the_distribution_counts(site, tmp_path, monkeypatch, editable):
    name = unique("flat")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.syspath_prepend(project)
    options = {"editable": project} if editable else {}
    source = flat(f"from {name}_helpers import scaled", "scaled(layer.weight)")
    found = [
        identity_of(
            site,
            {f"{name}.py": source, f"{name}_helpers.py": f"def scaled(w): return {n} * w"},
            f"{name}:Mine",
            **options,
        )
        for n in (2, 3)
    ]
    assert found[0] != found[1]


@pytest.mark.parametrize("how", ["importlib.import_module('{name}_part').F", "__import__('{name}_part').F"])
@pytest.mark.parametrize("editable", [False, True])
def test_a_module_that_is_imported_dynamically_counts(site, tmp_path, monkeypatch, how, editable):
    name = unique("dynamic")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.syspath_prepend(project)
    options = {"editable": project} if editable else {}
    source = flat("import importlib", f"layer.weight * {how.format(name=name)}")
    found = [
        identity_of(site, {f"{name}.py": source, f"{name}_part.py": f"F = {n}"}, f"{name}:Mine", **options)
        for n in (1, 2)
    ]
    assert found[0] != found[1]


@pytest.mark.parametrize("place", ["{name}/table.csv", "{name}/data/table.csv"])
def test_a_data_file_that_is_read_beside_the_code_counts(site, place):
    name = unique("reader")
    source = flat("from pathlib import Path", "layer.weight * float(Path(__file__).with_name('table.csv').read_text())")
    found = [
        identity_of(
            site,
            {f"{name}/__init__.py": "", f"{name}/mine.py": source, place.format(name=name): content},
            f"{name}.mine:Mine",
        )
        for content in (b"1", b"2", b"\xff\0")
    ]
    assert len(set(found)) == 3


def test_a_data_file_beside_a_module_that_is_in_no_package_counts_where_the_code_names_it(site, tmp_path, monkeypatch):
    """What else lies in the folder of a project, such as notes and results, does not."""
    name = unique("flat")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.syspath_prepend(project)
    source = flat("from pathlib import Path", "layer.weight * float(Path(__file__).with_name('table.csv').read_text())")
    source += '    """What results were made from."""\n'
    files = {f"{name}.py": source, "table.csv": "1", "notes.md": "x", "results/a.json": "{}", "mine.yaml": "a: 1"}

    def changed(**content):
        return identity_of(site, {**files, **content}, f"{name}:Mine", editable=project)

    before = changed()
    assert changed(**{"notes.md": "y", "results/a.json": "[]", "mine.yaml": "a: 2"}) == before
    assert changed(**{"table.csv": "2"}) != before


def test_a_package_without_an_init_counts_like_any_other(site):
    name = unique("namespace")
    found = [
        identity_of(
            site,
            {
                f"{name}/deep/mine.py": flat("from .helpers import scaled", f"{factor} * scaled(layer.weight)"),
                f"{name}/deep/helpers.py": f"def scaled(w): return w ** {power}",
            },
            f"{name}.deep.mine:Mine",
        )
        for factor, power in ((1, 1), (2, 1), (1, 2))
    ]
    assert len(set(found)) == 3


class OfAnEditableInstall:
    """Finds one package inside a namespace that has no folder, as setuptools does where packages are listed."""

    def __init__(self, namespace, package, folder):
        self._namespace, self._package, self._folder = namespace, f"{namespace}.{package}", folder

    def find_spec(self, name, _folders=None, _target=None):
        if name == self._namespace:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = ["__editable__.finder.__path_hook__"]
            return spec
        if name == self._package:
            folders = [str(self._folder)]
            return spec_from_file_location(name, self._folder / "__init__.py", submodule_search_locations=folders)
        return None


def test_a_package_counts_that_only_the_finder_of_an_editable_install_knows(site, tmp_path, monkeypatch):
    name = unique("listed")
    found = []
    for factor, power in ((1, 1), (2, 1), (1, 2)):
        folder = tmp_path / f"{factor}{power}" / "rules"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(flat("from .helpers import scaled", f"{factor} * scaled(layer.weight)"))
        (folder / "helpers.py").write_text(f"def scaled(w): return w ** {power}")
        with monkeypatch.context() as installed:
            installed.setattr(sys, "meta_path", [*sys.meta_path, OfAnEditableInstall(name, "rules", folder)])
            found.append(identity_of(site, {}, f"{name}.rules:Mine"))
    assert len(set(found)) == 3


def test_a_compiled_extension_counts_by_its_bytes_and_the_source_beside_it_by_its_code(site):
    name = unique("compiled")
    found = [
        identity_of(
            site,
            {
                f"{name}/__init__.py": "",
                f"{name}/mine.py": flat("from ._fast import scaled", f"{factor} * scaled(layer.weight)"),
                f"{name}/_fast{EXTENSION_SUFFIXES[0]}": content,
            },
            f"{name}.mine:Mine",
        )
        for factor, content in ((1, b"\x7fELF1"), (2, b"\x7fELF1"), (1, b"\x7fELF2"))
    ]
    assert len(set(found)) == 3


def test_a_plugin_that_is_compiled_itself_counts_by_its_bytes(site):
    name = unique("compiled")
    found = [identity_of(site, {f"{name}{EXTENSION_SUFFIXES[0]}": content}, f"{name}:Mine") for content in (b"1", b"2")]
    assert found[0] != found[1]


def test_a_base_class_of_another_distribution_counts_with_what_it_uses_there(site):
    name = unique("lab")
    mine = flat(f"from {name}.base import Base", "self.scaled(layer.weight)").replace("(Criterion)", "(Base)")
    found = []
    for factor, power in ((1, 1), (2, 1), (1, 2)):
        base = flat("from .powers import p", "0") + f"    def scaled(self, w): return {factor} * p(w)\n"
        base = base.replace("Mine", "Base")
        files = {
            f"{name}/__init__.py": "",
            f"{name}/base.py": base,
            f"{name}/powers.py": f"def p(w): return w ** {power}",
        }
        site.install("lab-base", files)
        found.append(identity_of(site, {f"{name}_mine.py": mine}, f"{name}_mine:Mine"))
    assert len(set(found)) == 3


def test_a_compiled_base_class_of_another_distribution_counts_by_its_bytes(site):
    name = unique("fast")
    mine = flat(f"from {name} import Base", "0").replace("(Criterion)", "(Base)")
    found = []
    for content in (b"1", b"2"):
        site.install("fast-base", {f"{name}{EXTENSION_SUFFIXES[0]}": content})
        found.append(identity_of(site, {f"{name}_mine.py": mine}, f"{name}_mine:Mine"))
    assert found[0] != found[1]


def test_another_distribution_that_is_only_used_counts_by_its_version(site):
    name = unique("tools")
    mine = flat(f"from {name} import scaled", "scaled(layer.weight)")
    found = []
    for version, power in (("1", 1), ("1", 2), ("2", 2)):
        files = {f"{name}.py": f"def scaled(w): return w ** {power}"}
        site.install("tools", files, version=version)
        found.append(identity_of(site, {f"{name}_mine.py": mine}, f"{name}_mine:Mine"))
        shutil.rmtree(site.folder / f"tools-{version}.dist-info")
    assert found[0] == found[1] != found[2]


def test_a_helper_that_is_installed_nowhere_counts(site, tmp_path, monkeypatch):
    name = unique("loose")
    folder = tmp_path / "loose"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    found = []
    for n in (1, 2):
        Site(folder).file(f"{name}.py", f"F = {n}")
        found.append(identity_of(site, {f"{name}_mine.py": flat(f"import {name}", f"{name}.F")}, f"{name}_mine:Mine"))
    assert found[0] != found[1]


def test_modules_that_import_each_other_are_told_apart(site):
    name = unique("circle")
    files = {
        f"{name}/__init__.py": "",
        f"{name}/a.py": "from . import b\nfrom criteria import Criterion\nclass Mine(Criterion):\n    x = 1",
        f"{name}/b.py": "from . import a\nF = 1",
    }
    before = identity_of(site, files, f"{name}.a:Mine")
    files[f"{name}/b.py"] = "from . import a\nF = 2"
    assert identity_of(site, files, f"{name}.a:Mine") != before


def test_two_classes_of_one_module_are_two(site):
    name = unique()
    source = flat("", "1") + "\nclass Other(Criterion): ...\n"
    one = identity_of(site, {f"{name}.py": source}, f"{name}:Mine")
    assert identity_of(site, {f"{name}.py": source}, f"{name}:Other") != one


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "experiments"])
def test_everything_that_we_ship_has_an_identity_of_its_own(kind):
    found = [identity(name, kind) for name in names(kind)]
    assert len({*found}) == len(found)
    assert all(len(each) == 12 for each in found)


def test_it_is_the_same_in_another_process_that_has_imported_nothing_else():
    code = "from criteria.plugins import identity; print(identity('snip'))"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == identity("snip")
