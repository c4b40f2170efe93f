"""Plugins are found by name, made from checked parameters, and described and resolved without importing them."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import criteria
from criteria import InputError
from criteria.errors import PluginError
from criteria.plugins import (
    KINDS,
    Spec,
    defines,
    identity,
    load,
    names,
    problems,
    registered,
    resolve,
    summaries,
    usable,
)
from tests.criteria.layer_strategies import unhurried
from tests.installed import unique

CRITERION = '''
    """A module."""
    from dataclasses import dataclass
    from criteria import Criterion

    @dataclass
    class Mine(Criterion):
        """Its score.

        More about it.
        """

        beta: float = 0.5

        def score(self, layer):
            return layer.weight.abs()
'''


def criteria_group(**points):
    return "[dst_bench.criteria]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())


def one_line(error):
    return "\n" not in str(error.value)


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_resolving_is_canonical_and_changes_nothing_the_second_time(value):
    spec = resolve(f"mest(lambda_={value!r})")
    assert spec == (Spec("mest") if value == 1 else Spec("mest", (("lambda_", value),)))
    assert resolve(str(spec)) == resolve(spec) == spec
    assert load(spec).lambda_ == value


@pytest.mark.parametrize("name", criteria.names())
def test_every_criterion_is_its_own_canonical_spec(name):
    assert resolve(f" {name}() ") == Spec(name)
    assert type(load(name)) is type(load(resolve(name)))


def test_the_same_parameter_written_differently_is_the_same_spec():
    assert resolve("mest(lambda_=2)") == resolve("mest(lambda_=2.0)") == resolve("mest( lambda_ = 20e-1 )")
    assert resolve("mest(lambda_=1)") == resolve("mest")
    assert resolve("mlp(widths=[8, 4], dropout=0)", "model") == resolve("mlp(widths=[8, 4])", "model")


@pytest.mark.parametrize(
    ("kind", "name", "near"),
    [
        ("criterion", "magnitud", "magnitude"),
        ("criterion", "snip_hlaf", "snip_half"),
        ("growth", "momentun", "momentum"),
        ("baseline", "statik", "static"),
        ("model", "lenet", "lenet5"),
        ("claim", "simila", "similar"),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(kind, name, near):
    for use in (load, resolve, identity):
        with pytest.raises(InputError, match=f"^unknown {kind} '{name}'; did you mean '{near}'\\?$"):
            use(name, kind)


def test_a_name_like_no_other_is_told_what_there_is():
    known = ", ".join(names("growth"))  # also those of plugins that are installed beside ours
    assert "gradient" in known
    with pytest.raises(InputError, match=f"^unknown growth 'qqqqqq'; known: {re.escape(known)}$"):
        load("qqqqqq", "growth")


def test_a_misspelt_kind_is_told_the_nearest():
    with pytest.raises(InputError, match=r"^unknown kind of plugin 'criterium'; did you mean 'criterion'\?$"):
        names("criterium")


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("criterion", "mest(lamda=1)", "criterion 'mest' has no parameter 'lamda'; it has: lambda_"),
        ("criterion", "magnitude(beta=1)", "criterion 'magnitude' has no parameter 'beta'; it has: none"),
        ("criterion", "running_snip(of=1)", "criterion 'running_snip' has no parameter 'of'; it has: beta"),
        ("criterion", "mest(lambda_='1')", "criterion 'mest': parameter lambda_ takes a float, not '1'"),
        ("criterion", "mest(lambda_=True)", "criterion 'mest': parameter lambda_ takes a float, not True"),
        ("criterion", "mest(lambda_=None)", "criterion 'mest': parameter lambda_ takes a float, not None"),
        ("criterion", "mest(lambda_=1e999)", "criterion 'mest': parameter lambda_ must be finite, not 1e999"),
        (
            "criterion",
            "running_snip(beta=-1e999)",
            "criterion 'running_snip': parameter beta must be finite, not -1e999",
        ),
        (
            "criterion",
            f"mest(lambda_=1{'0' * 400})",
            f"criterion 'mest': parameter lambda_ takes a float, not 1{'0' * 400}",
        ),
        ("model", "mlp", "model 'mlp' needs a value for its parameter 'widths'; it has: widths, dropout"),
        ("model", "mlp(widths=8)", "model 'mlp': parameter widths takes a list of whole numbers, not 8"),
        (
            "model",
            "mlp(widths=[8, True])",
            "model 'mlp': parameter widths takes a list of whole numbers, not [8, True]",
        ),
        ("model", "mlp(widths=[1], dropout=1e999)", "model 'mlp': parameter dropout must be finite, not 1e999"),
        ("model", "mlp(widths=[8], inputs=[3])", "model 'mlp' has no parameter 'inputs'; it has: widths, dropout"),
        ("data", "synthetic", "data set 'synthetic' needs a value for its parameter 'like'; it has: like, examples"),
        ("data", "digits(examples=3)", "data set 'digits' has no parameter 'examples'; it has: none"),
        ("baseline", "dropout(p='a')", "baseline 'dropout': parameter p takes a float, not 'a'"),
        ("claim", "similar(tolerance=1)", "claim 'similar' has no parameter 'tolerance'; it has: none"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(kind, spec, message):
    for use in (load, resolve):
        with pytest.raises(InputError) as error:
            use(spec, kind)
        assert str(error.value) == message


def test_parameters_can_be_given_by_keyword():
    assert load("mest", lambda_=0.1) == load("mest(lambda_=0.1)")
    assert load("mest(lambda_=0.1)", lambda_=3).lambda_ == 3.0


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_we_ship_can_be_used_and_says_what_it_is(kind):
    assert names(kind)
    assert usable(kind) == names(kind)
    assert problems(kind) == {}
    if kind != "experiments":
        assert all(summaries(kind).values())


def test_what_is_listed_described_and_resolved_is_not_imported():
    """The test counts modules, in a process of its own: none of them needs torch."""
    code = """
import sys
import criteria.errors, criteria.schedule, criteria.plugins as plugins, baselines
for kind in plugins.KINDS:
    plugins.summaries(kind), plugins.names(kind)
    for name in plugins.names(kind):
        if kind != "experiments":
            plugins.identity(name, kind)
for spec in ("magnitude", "mest(lambda_=0.1)"):
    plugins.resolve(spec)
plugins.resolve("mlp(widths=[3])", "model"), plugins.resolve("synthetic(like='cifar10')", "data")
plugins.resolve("gradient", "growth"), plugins.defines("running_snip", "criterion", "observe")
from benchmark.data import source_of
[source_of(name).look for name in plugins.names("data") if name != "synthetic"]
heavy = ("torch", "numpy", "sklearn", "pandas", "PIL", "matplotlib", "requests")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_public_names_are_there_although_each_is_imported_when_it_is_used():
    assert all(hasattr(criteria, name) for name in criteria.__all__)
    assert set(criteria.__all__) <= set(dir(criteria))
    assert not hasattr(criteria, "no_such_name")


def test_whether_a_criterion_follows_the_training_is_read_from_its_source():
    assert defines("running_snip", "criterion", "observe")
    assert defines("snip_half", "criterion", "select")
    assert not defines("mest", "criterion", "observe")
    assert not defines("mest", "criterion", "state_dict")


def test_a_plugin_of_another_distribution_is_described_without_being_imported(site):
    name = unique()
    package = {f"{name}/__init__.py": "from .deep import Mine", f"{name}/deep.py": CRITERION}
    site.install("other-dist", package, criteria_group(mine=f"{name}:Mine"), version="2.1")
    found = registered()["mine"]
    assert (found.distribution, found.version, found.summary) == ("other-dist", "2.1", "Its score.")
    assert resolve("mine(beta=1)") == Spec("mine", (("beta", 1.0),))
    assert resolve("mine(beta=0.5)") == Spec("mine")
    assert name not in sys.modules
    assert load("mine(beta=1)").beta == 1.0


def test_escape_characters_of_others_never_reach_a_terminal(site):
    name = unique()
    source = CRITERION.replace("Its score.", "Its \\x1b[31m score.")
    site.install("red", {f"{name}.py": source}, criteria_group(mine=f"{name}:Mine"), version="1\x1b[1m")
    assert summaries()["mine"] == "Its \\x1b[31m score."
    assert registered()["mine"].version == "1\\x1b[1m"


def test_what_reading_does_not_tell_is_known_by_importing(site):
    """Fields without a plain type, code that checks values, and values that the class brings into another form."""
    name = unique()
    source = """
        from dataclasses import dataclass, field
        from criteria import Criterion

        @dataclass
        class Mine(Criterion):
            layers: frozenset = frozenset({"b", "a"})
            order: list = field(default_factory=lambda: [1, 2])

            def __post_init__(self):
                self.order = sorted(self.order)
                if 9 in self.order:
                    raise ValueError("9 is too many")
    """
    site.install("mine", {f"{name}.py": source}, criteria_group(mine=f"{name}:Mine"))
    assert resolve("mine(layers={'a', 'b'}, order=[2, 1])") == Spec("mine")
    assert str(resolve("mine(layers={'d', 'c'})")) == "mine(layers={'c', 'd'})"
    with pytest.raises(InputError, match=r"^criterion mine\(order=\[9\]\): 9 is too many$"):
        resolve("mine(order=[9])")


def test_a_name_with_a_dash_is_a_name(site):
    name = unique()
    site.install("mine", {f"{name}.py": CRITERION}, criteria_group(**{"my-own.one": f"{name}:Mine"}))
    assert "my-own.one" in usable()
    assert load("my-own.one(beta=0.25)").beta == 0.25
    assert str(resolve("my-own.one(beta=0.25)")) == "my-own.one(beta=0.25)"


def test_a_name_that_two_distributions_claim_is_an_error_only_for_who_asks_for_it(site):
    points = criteria_group(mine="criteria.pruning.snip:SNIP")
    site.install("first", entry_points=points)
    site.install("second", entry_points=points.replace("snip:SNIP", "mest:MEST"))
    for use in (load, resolve, identity):
        with pytest.raises(
            InputError,
            match=r"^criterion 'mine' is registered twice, as criteria\.\S+ and criteria\.\S+; uninstall one",
        ):
            use("mine")
    assert "registered twice" in summaries()["mine"]
    assert "mine" not in usable()
    assert "registered twice" in problems()["mine"]
    assert load("snip") is not None


BROKEN = {
    "no module": ("{name}_gone:Mine", "", "cannot be imported: ModuleNotFoundError"),
    "no attribute": ("{name}:Other", "", "cannot be imported: AttributeError"),
    "a syntax error": ("{name}:Mine", "def", "cannot be imported: SyntaxError"),
    "an error at import": ("{name}:Mine", "1 / 0", "cannot be imported: ZeroDivisionError"),
    "an exit at import": ("{name}:Mine", "import sys; sys.exit(0)", "cannot be imported: it ends the program"),
    "an endless recursion": ("{name}:Mine", "def f(): f()\nf()", "cannot be imported: RecursionError"),
    "an error that is no Exception": (
        "{name}:Mine",
        "class Stop(BaseException): ...\nraise Stop('now')",
        "cannot be imported: Stop('now')",
    ),
    "a module": ("{name}", "", "is not a class"),
    "no class": ("{name}:Mine", "def Mine(): ...", "is not a class"),
    "no base class": (
        "{name}:Mine",
        "class Mine: ...",
        "is not built on Criterion of criteria.api, as every criterion is",
    ),
    "a growth": ("{name}:Mine", "from criteria import Growth\nclass Mine(Growth): ...", "is not built on Criterion"),
    "a parameter without a default": (
        "{name}:Mine",
        "import dataclasses\nfrom criteria import Criterion\n@dataclasses.dataclass\nclass Mine(Criterion):\n  a: int",
        "needs a value for its parameter 'a'",
    ),
    "an argument without a default": (
        "{name}:Mine",
        "from criteria import Criterion\nclass Mine(Criterion):\n  def __init__(self, a): ...",
        "needs a value for its parameter 'a'",
    ),
    "an error when it is made": (
        "{name}:Mine",
        "from criteria import Criterion\nclass Mine(Criterion):\n  def __init__(self): raise KeyError('gone')",
        "cannot be made: KeyError('gone')",
    ),
    "an exit when it is made": (
        "{name}:Mine",
        "import sys\nfrom criteria import Criterion\nclass Mine(Criterion):\n  def __init__(self): sys.exit()",
        "cannot be made: it ends the program",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_broken_plugin_is_named_and_left_out_and_stops_no_other(site, what):
    name = unique()
    value, source, message = BROKEN[what]
    site.install("broken", {f"{name}.py": source}, criteria_group(broken=value.format(name=name)))
    assert set(summaries()) == {*names()} >= {"broken", "magnitude"}
    assert "broken" not in usable()
    assert "magnitude" in usable()
    assert message in problems()["broken"]
    with pytest.raises((InputError, PluginError)) as error:
        load("broken")
    assert message in str(error.value)
    assert "broken" in str(error.value)
    assert one_line(error)
    assert identity("broken")


@pytest.mark.parametrize("nested", ["1" + "+1" * 20_000, "a" + ".b" * 30_000, "-" * 20_000 + "1"])
def test_a_source_that_is_nested_too_deeply_for_the_parser_stops_no_other(site, nested):
    name = unique("deep")
    site.install("broken", {f"{name}.py": f"x = {nested}\n"}, criteria_group(broken=f"{name}:Mine"))
    assert {*summaries()} >= {"broken", "magnitude"}
    assert "magnitude" in usable()
    assert identity("broken")


@pytest.mark.parametrize(
    "text",
    [
        "[dst_bench.criteria]\nno equals sign\n",
        "[dst_bench.criteria\nmine = a:B\n",
        b"[dst_bench.criteria]\n\xff = a\n",
    ],
)
def test_damaged_entry_points_of_a_distribution_hide_no_other(site, text):
    site.install("damaged", entry_points="")
    (site.folder / "damaged-1.dist-info" / "entry_points.txt").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    site.refresh()
    assert "magnitude" in usable()
    assert load("magnitude") is not None


def test_who_asks_for_an_unknown_name_hears_of_a_distribution_whose_plugins_are_not_known(site):
    site.install("damaged", entry_points="[dst_bench.criteria]\nno equals sign\n")
    with pytest.raises(InputError, match="the plugins of distribution damaged are not known") as error:
        load("mine")
    assert one_line(error)
    assert "distribution damaged" in problems()


def test_a_name_that_cannot_be_written_in_a_spec_is_left_out_and_named(site):
    site.install("odd", entry_points="[dst_bench.criteria]\nwith space = a:B\n-dash = a:B\n")
    assert {"with space", "-dash"}.isdisjoint(names())
    assert sum("is no name for a plugin" in line for line in problems().values()) == 2


def test_what_a_plugin_does_to_the_process_when_it_is_imported_and_made_is_undone(site, capsys):
    name = unique()
    source = """
        import os, random
        import numpy, torch
        from criteria import Criterion

        def meddle():
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(1), numpy.random.seed(1), random.seed(1)
            torch.set_num_threads(torch.get_num_threads() + 1)
            os.chdir("/")
            print("hello")

        class Mine(Criterion):
            def __init__(self):
                meddle()

        meddle()
    """
    import os
    import random

    import numpy as np
    import torch

    def state():
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_num_threads(),
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
            os.getcwd(),
        )

    site.install("meddler", {f"{name}.py": source}, criteria_group(mine=f"{name}:Mine"))
    before = state()
    assert load("mine") is not None
    assert state() == before
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "hello\nhello\n"


def test_a_data_set_that_is_the_first_to_import_torch_leaves_it_as_it_starts(site):
    name = unique()
    source = """
        import torch
        from benchmark.data import DataSource
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(5)
        class Mine(DataSource): ...
    """
    site.install("meddler", {f"{name}.py": source}, f"[dst_bench.data]\nmine = {name}:Mine\n")
    code = (
        f"import sys; sys.path.insert(0, {str(site.folder)!r}); from criteria.plugins import load; "
        "load('mine', 'data'); import torch; print(torch.get_default_dtype(), torch.initial_seed() == 5)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "torch.float32 False\n"


def test_a_flag_that_is_code_of_its_own_and_fails_is_the_plugins_failure(site):
    source = """
        from criteria import Criterion

        class Odd(Criterion):
            @property
            def requires_grad(self):
                return 1 / 0
    """
    site.install("odd-flag", {"odd_flag.py": source}, "[dst_bench.criteria]\nodd_flag = odd_flag:Odd\n")
    with pytest.raises(PluginError, match=r"criterion 'odd_flag' cannot be made: .*division by zero"):
        load("odd_flag")


IN_VAIN = """
    from dataclasses import dataclass
    from criteria import Criterion, Growth

    class Misspelt(Criterion):
        requires_gradient = True

    @dataclass
    class Field(Criterion):
        requires_grad: bool = True

    class Watching(Growth):
        def observe(self, layer):
            pass
"""


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("misspelt", "criterion", "declares requires_gradient, which nobody reads; did you mean requires_grad?"),
        ("field", "criterion", "has requires_grad as a parameter; write requires_grad: ClassVar[bool] = True"),
        ("watching", "growth", "defines observe(), which is called for criteria only"),
    ],
)
def test_what_is_declared_in_vain_is_refused(site, name, kind, said):
    module = unique("in_vain")
    group = "dst_bench.criteria" if kind == "criterion" else "dst_bench.growth"
    site.install("in-vain", {f"{module}.py": IN_VAIN}, f"[{group}]\n{name} = {module}:{name.title()}\n")
    with pytest.raises(InputError) as error:
        load(name, kind)
    assert said in str(error.value)
    assert one_line(error)
