"""Faults, made at random from a seed: of plugins, of arguments, of files, and of what surrounds a command."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from tests.running.tiny import TINY

SMALL = {
    **TINY,
    "training": {**TINY["training"], "epochs": 1, "batch_size": 512},
    "topology": {"update_period": 1},
    "axes": {**TINY["axes"], "criteria": ["magnitude"], "seeds": [1]},
}


@dataclass
class Fault:
    """A command in a folder where something is wrong."""

    what: str
    """What is wrong, in a line."""
    command: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    """Written before the command, by their path; those that are there are overwritten."""
    plugin: str | None = None
    """The source of a module of plugins that is installed."""
    entry_points: str = ""
    environment: dict[str, str] = field(default_factory=dict)


NASTY = (
    "", " ", "0", "-1", "1e400", "nan", "9" * 400, "\x1b[2J", "[red]", "a\nb", "\0", "\ud800", "~", "~x/y", "../..",
    ",",
    "(", ")", "()", "a=b", "=", "mest(", "mest(lambda_=", "mest(lambda_=1e999)", "mest(**{})",
    "mest(lambda_=__import__)",
    "magnitude,,snip", "magnitude()", "1-", "-", "1-3-5", "0x10", "1_0", "٣", "é", "日本", "{}", "[", "{a: [", "null",
    "true",
    "!!python/name:os.system", "*a", "&a [*a]", "|", ">", "%", "@", "`", "--", "---", "x" * 5000, "/dev/zero",
    "/dev/null",
    "/proc/self/mem", "con", ".", "..", "tiny.yaml", "smoke",
)  # fmt: skip
OPTIONS = (
    "--criteria", "--growth", "--density", "--seeds", "--set", "--results", "--device", "--data-dir", "--engine",
    "--fleet",
    "--checkpoint", "--expected", "--out", "--json", "--strict", "--executor", "--tasks", "--slurm", "--max-examples",
    "--against", "--nonsense", "--dry-run", "--version", "--diverged", "--no-wait",
)  # fmt: skip
COMMANDS = ("list", "info", "status", "check", "accept", "report", "run", "reproduce", "bench", "contract", "lsit", "")
SETTINGS = (
    "training.epochs", "training.batch_size", "training.learning_rate", "training.momentum", "training.milestones",
    "training.precision", "training.nesterov", "topology.update_period", "topology.prune_fraction", "topology.scope",
    "topology.resurrection", "topology.normalisation", "model", "model.name", "model.widths", "model.inputs", "data",
    "name", "title", "metric", "tolerance", "axes", "axes.criteria", "axes.growths", "axes.densities", "axes.seeds",
    "axes.settings", "baselines", "measure", "measure.jaccard", "measure.jaccard.criteria", "nonsense", "a.b.c",
)  # fmt: skip
VALUES = (
    None, True, False, 0, -1, 1, 3, 0.5, 1e39, 1e300, float("nan"), float("inf"), 2**31, 2**63, 10**60, "", "x",
    "\x1b[2J",
    "[red]x[/red]", "a/b", "..", "é日本", [], [1], ["a"], [[]], {}, {"a": 1}, {1: 2}, [None], "magnitude",
    ["magnitude"] * 2,
    "synthetic(like='digits', examples=1)", "synthetic(like='digits')", "mest(lambda_=0)", "random", "global",
)  # fmt: skip
BODIES = (
    "raise ValueError('\\x1b[2J [red]no[/red]')", "raise SystemExit(0)", "raise SystemExit('bye')", "raise MemoryError",
    "raise BaseException('odd')", "raise GeneratorExit", "raise RecursionError", "return None", "return 3",
    "return 'text'",
    "return layer.weight[:1]", "return layer.weight.double()", "return layer.weight * float('nan')",
    "return layer.mask",
    "return layer.weight.to('meta')", "return layer.weight.to_sparse()", "return layer.weight.long()",
    "layer.weight.zero_(); return layer.weight", "layer.mask.zero_(); return layer.weight",
    "layer.weight.resize_(0); return layer.weight",
    "import torch; torch.set_default_dtype(torch.float64); return layer.weight",
    "import os; os.chdir('/'); return layer.weight", "print('printed\\x1b[2J'); return layer.weight.abs()",
    "import sys; sys.stdout.write('x' * 9); return layer.weight.abs()",
    "import sys; sys.stdout = None; return layer.weight",
    "import torch; torch.set_flush_denormal(True); return layer.weight.abs()", "return self.score(layer)",
    "import torch; torch.manual_seed(0); return torch.rand(layer.weight.shape)", "return layer.grad.abs()",
    "import warnings; warnings.warn('odd', stacklevel=1); return layer.weight.abs()",
    "return layer.hessian_gradient(1.0)",
    "raise KeyError", "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()", "assert False",
    "layer.generator.manual_seed(0); return layer.uniform()",
    "import logging; logging.warning('x'); return layer.weight",
)  # fmt: skip
IMPORTS = (
    "", "", "", "", "", "1 / 0", "raise SystemExit(0)", "import not_there", "def broken(:", "print('at import')",
    "import torch; torch.set_default_dtype(torch.float64)", "import os; os.chdir('/')", "raise KeyboardInterrupt_",
)  # fmt: skip
CLASSES = (
    "class Odd(Criterion):", "class Odd(Criterion):", "@dataclass\nclass Odd(Criterion):\n    x: float = 1.0",
    "@dataclass\nclass Odd(Criterion):\n    needed: int", "class Odd:",
    "class Odd(Criterion):\n    requires_grad = True",
    "class Odd(Criterion):\n    requires_hessian_gradient = True",
    "class Odd(Criterion):\n    def __repr__(self): 1 / 0",
    "class Odd(Criterion):\n    def __init__(self): raise ValueError('not made')",
    "class Odd(Criterion):\n    def observe(self, layer): raise OSError(5, 'odd')",
    "class Odd(Criterion):\n    def state_dict(self): return {'f': print}",
    "class Odd(Criterion):\n    def select(self, layer, n): return layer.mask",
    "class Odd(Criterion):\n    @property\n    def requires_grad(self): return 1 / 0",
)  # fmt: skip
FILES = (
    "results/tiny/runs/{run}.json", "expected_results/tiny.yaml", "tiny.yaml", "results/tiny/journal.jsonl",
    "results/tiny/workers/a-1-b.json", "results/tiny/checkpoints/0123456789abcdef.pt", "results/tiny/.lock",
)  # fmt: skip


def faults(seed: int, count: int, runs: list[str]) -> list[Fault]:
    """So many faults, of each kind as many; ``runs`` are ids of runs that have results in the folder."""
    draw = random.Random(seed)
    makers: tuple[Callable[[], Fault], ...] = (
        lambda: _argument(draw), lambda: _setting(draw), lambda: _plugin(draw), lambda: _file(draw, runs),
        lambda: _circumstance(draw),
    )  # fmt: skip
    return [makers[number % len(makers)]() for number in range(count)]


def _argument(draw):
    command = [draw.choice(COMMANDS)]
    if command[0] not in ("list", "info", "bench", "contract") or draw.random() < 0.3:
        command.append(draw.choice(["tiny.yaml", "tiny.yaml", draw.choice(NASTY)]))
    if command == ["run", "smoke"]:  # which would train for a minute
        command[1] = "tiny.yaml"
    for _ in range(draw.randint(1, 3)):
        command.append(draw.choice(OPTIONS))
        if draw.random() < 0.8:
            command.append(draw.choice(NASTY))
    if command[0] in ("contract", "bench") or "reproduce" in command:  # what really computes takes long
        command.append("--nonsense")
    return Fault(f"arguments {command!r:.200}", command)


def _setting(draw):
    key, value = draw.choice(SETTINGS), draw.choice(VALUES)
    if draw.random() < 0.5:
        text = draw.choice([*NASTY, yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()])
        return Fault(f"--set {key}={text!r:.80}", ["run", "tiny.yaml", "--no-contract", "--set", f"{key}={text}"])
    content = yaml.safe_load(yaml.safe_dump(SMALL))
    *parents, last = key.split(".")
    inner = content
    for parent in parents:
        inner = inner.setdefault(parent, {}) if isinstance(inner, dict) else {}
    if isinstance(inner, dict):
        inner[last] = value
    written = yaml.safe_dump(content, allow_unicode=False).encode()
    return Fault(f"{key}: {value!r:.80} in the file", ["run", "odd.yaml", "--no-contract"], {"odd.yaml": written})


def _plugin(draw):
    header, body, first = draw.choice(CLASSES), draw.choice(BODIES), draw.choice(IMPORTS)
    indented = "".join(f"        {line}\n" for line in body.split("; "))
    source = (
        f"from dataclasses import dataclass\nfrom criteria import Criterion\n{first}\n{header}\n"
        f"    def score(self, layer):\n{indented}"
    )
    command = draw.choice(
        [
            ["list", "criteria"], ["run", "tiny.yaml", "--criteria", "magnitude", "--fresh"],
            *[["run", "tiny.yaml", "--criteria", "magnitude,odd", "--no-contract"]] * 5,
            ["contract", "odd", "--max-examples", "1", "--json"], ["run", "tiny.yaml", "--criteria", "odd"],
        ]
    )  # fmt: skip
    entry = draw.choice(["{module}:Odd"] * 8 + ["{module}:Gone", "{module}", "{module}:Odd[", ":", "not a module:Odd"])
    return Fault(f"plugin {entry} with {first!r}, {header!r}, {body!r}", command, plugin=source, entry_points=entry)


def _file(draw, runs):
    name = draw.choice(FILES).format(run=draw.choice(runs))
    content = draw.choice(
        [b"", b"\0", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"1e999",
        b"a: b: c",
         b"\x1b[2J", bytes(draw.randrange(256) for _ in range(40)), b'{"id": 1, "time": {}}', b"title: [red]",
         b"{a: *x}"]
    )  # fmt: skip
    command = draw.choice(["status", "check", "accept", "report", "run"])
    extra = ["--no-contract"] if command == "run" else []
    return Fault(f"{name} holds {content!r:.60}", [command, "tiny.yaml", *extra], {name: content})


def _circumstance(draw):
    name = draw.choice(
        ["WORLD_SIZE", "DST_BENCH_DATA", "XDG_CACHE_HOME", "HOME", "TMPDIR", "MPLBACKEND", "COLUMNS", "NO_COLOR",
        "TERM",
         "XDG_STATE_HOME", "SLURM_JOB_ID", "LOCAL_RANK", "CUDA_VISIBLE_DEVICES"]
    )  # fmt: skip
    value = draw.choice([each for each in NASTY if "\0" not in each and "\ud800" not in each])
    if name == "WORLD_SIZE" and value in ("1_0", "٣"):  # numbers, for Python: it would wait for nine others
        value = "none"
    command = draw.choice([["list"], ["info"], ["status", "tiny.yaml"], ["check", "tiny.yaml"], ["run", "tiny.yaml"]])
    return Fault(f"{name}={value!r:.60}", command, environment={name: value})
