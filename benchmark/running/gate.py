"""The gate: only criteria, growths and schedules that keep the contract are benchmarked."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
import torch

from benchmark.experiments.runs import Run
from benchmark.experiments.setup import CONSTANT
from benchmark.system import child
from benchmark.system.files import read_text, write_atomically
from benchmark.system.interruption import is_interruption
from benchmark.system.plugin_failures import reason
from benchmark.system.user import cache_folder
from criteria.contract import ContractError, check_criterion, check_growth, check_schedule
from criteria.errors import InputError, PluginError
from criteria.plugins import Spec, identity, registered
from criteria.plugins.code import plain_code

QUICK_EXAMPLES = 25
"""Cases per property; `dst-bench contract` tries more."""
_PROCESS = "benchmark.running.gate_process"
_CRITERIA = Path(__file__).parents[2] / "criteria"


def require_contract(runs: Iterable[Run]) -> str:
    """Check every criterion, growth and schedule that ``runs`` use quickly, also criteria that they only compare.

    Returns what came of it, in words; nothing where there was nothing to check. What passed is remembered in the user's
    cache folder, by its code, by that of the contract and of the interface that it is written against, and by the
    versions of its distribution, ours, torch and numpy. Raises :class:`ContractError` for a broken one.
    """
    asked: dict[tuple[str, str], Spec] = {}
    for run in runs:
        if run.rule.baseline is not None:  # its mask never changes
            continue
        used = [(kind, spec) for kind, spec in run.rule.plugins.items() if kind in ("criterion", "growth")]
        if run.setup.topology.density_schedule != CONSTANT:
            used.append(("schedule", run.setup.topology.density_schedule))
        if (jaccard := run.setup.measure.jaccard) is not None:
            used += [("criterion", spec) for spec in jaccard.criteria]
        asked |= {(kind, str(spec)): spec for kind, spec in used}
    wanted = [(kind, spec) for (kind, _), spec in sorted(asked.items(), key=lambda item: item[0])]
    lacking = [(kind, spec) for kind, spec in wanted if not _is_remembered(spec, kind)]
    if lacking:
        named = ", ".join(f"{kind} {spec}" for kind, spec in lacking)  # a criterion and a growth may have one name
        print(f"checking the contract of {named}", file=sys.stderr, flush=True)
    with _checked_beside(lacking):
        for kind, spec in lacking:
            check_once(spec, kind)
    if not wanted:
        return ""
    before = len(wanted) - len(lacking)
    remembered = f" ({before} of them checked before)" if before else ""
    return f"contract: all {len(wanted)} criteria, growths and schedules keep it{remembered}"


@contextmanager
def _checked_beside(asked: Sequence[tuple[str, Spec]]) -> Iterator[None]:
    """Let processes on other cores check the last of ``asked`` first, while this one begins with the first.

    They only remember what passes: what has not passed when its turn comes is checked, and blamed, here.
    """
    count = min(torch.get_num_threads(), len(asked)) - 1
    with ExitStack() as stack:
        for number in range(count):
            other = stack.enter_context(child.start(_PROCESS, 1, asked[::-1][number::count]))
            stack.callback(other.kill)
        yield


def check_once(spec: Spec, kind: str) -> None:
    """Check a plugin unless it has passed before; raises :class:`ContractError` where it is broken."""
    if _is_remembered(spec, kind):
        return
    try:
        if kind == "schedule":
            check_schedule(str(spec))
        else:
            check = check_growth if kind == "growth" else check_criterion
            check(str(spec), QUICK_EXAMPLES)
    except (InputError, ContractError):
        raise
    except BaseException as error:  # a plugin may fail in any way, also where no property of the contract looks
        if is_interruption(error):
            raise
        raise PluginError(f"{kind} {str(spec)!r} cannot be checked: {reason(error)}") from error
    with suppress(InputError):  # it cannot be written: then the next command checks again
        write_atomically(_passed(spec, kind), _text(spec, kind))


def _is_remembered(spec: Spec, kind: str) -> bool:
    with suppress(InputError):  # it is not there, or it is damaged: then the plugin is checked again
        return read_text(_passed(spec, kind)) == _text(spec, kind)
    return False


def _passed(spec: Spec, kind: str) -> Path:
    return cache_folder() / "contracts" / _key(spec, kind)


def _text(spec: Spec, kind: str) -> str:
    return f"{kind} {spec} keeps the contract\n"


def _key(spec: Spec, kind: str) -> str:
    distributions = [registered(kind)[spec.name].version, registered("criterion")["magnitude"].version]
    versions = [*distributions, torch.__version__, np.__version__]
    text = repr((kind, str(spec), identity(spec.name, kind), _judge(_CRITERIA), versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _judge(criteria: Path) -> str:
    """A digest of what decides beside the plugin: the contract, and the interface, which an identity leaves out.

    Our version would not do: the code changes while it stays. It takes half a second, so only who asks waits for it.
    """
    paths = sorted([*criteria.glob("*.py"), *(criteria / "contract").rglob("*.py")])
    code = [f"{path.relative_to(criteria).as_posix()}\n{plain_code(path.read_text('utf-8'))}" for path in paths]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()
