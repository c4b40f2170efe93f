"""The gate: only criteria, growths and schedules that keep the contract are benchmarked."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress

from benchmark.experiments.runs import Run
from benchmark.experiments.setup import CONSTANT
from benchmark.system.files import read_text, write_atomically
from benchmark.system.user import cache_folder
from criteria.contract import check_criterion, check_growth, check_schedule
from criteria.errors import InputError
from criteria.plugins import Spec, identity, registered

QUICK_EXAMPLES = 25
"""Cases per property; `dst-bench contract` tries more."""


def require_contract(runs: Iterable[Run]) -> str:
    """Check every criterion, growth and schedule that ``runs`` use quickly, also criteria that they only compare.

    Returns what came of it, in words; nothing where there was nothing to check. What passed is remembered in the user's
    cache folder, by its code and its distribution's version and ours. Raises :class:`ContractError` for a broken one.
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
    checked = [_check_once(spec, kind) for (kind, _), spec in sorted(asked.items(), key=lambda item: item[0])]
    if not checked:
        return ""
    remembered = f" ({checked.count(False)} of them checked before)" if not all(checked) else ""
    return f"contract: all {len(checked)} criteria, growths and schedules keep it{remembered}"


def _check_once(spec: Spec, kind: str) -> bool:
    """Check a plugin, or remember that it has been checked; returns whether it was checked now."""
    passed = cache_folder() / "contracts" / _key(spec, kind)
    remembered = f"{kind} {spec} keeps the contract\n"
    with suppress(InputError):  # it is not there, or it is damaged: then the plugin is checked again
        if read_text(passed) == remembered:
            return False
    if kind == "schedule":
        check_schedule(str(spec))
    else:
        check = check_growth if kind == "growth" else check_criterion
        check(str(spec), QUICK_EXAMPLES)
    with suppress(InputError):  # it cannot be written: then the next command checks again
        write_atomically(passed, remembered)
    return True


def _key(spec: Spec, kind: str) -> str:
    versions = [registered(kind)[spec.name].version, registered("criterion")["magnitude"].version]
    text = repr((kind, str(spec), identity(spec.name, kind), versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
