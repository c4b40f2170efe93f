"""Which engine computes each run: the one that it has a result of, the one that is asked for, or the fastest."""

from collections.abc import Sequence, Set

from benchmark.experiments.results import Results, ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.experiments.setup import ENGINE_NAMES
from benchmark.running.options import AUTO, Options
from benchmark.system.device import is_of_cpu


def found_in(runs: Sequence[Run], folder: ResultsFolder, taken: Set[str] = frozenset()) -> list[Run]:
    """Each run on the engine that it has a result of, or whose id is ``taken`` by whoever trains it; else as it is."""
    return [_found(run, folder, taken) or run for run in runs]


def engines_chosen(runs: Sequence[Run], folder: ResultsFolder, options: Options) -> list[Run]:
    """Each run on the engine that computes it, which decides its id.

    With ``auto`` a run that has a result of any engine keeps that one, and another one gets the fastest engine for it.
    """
    if options.engine != AUTO:
        return [run.on(options.engine) for run in runs]
    found = [None if options.fresh else _found(run, folder) for run in runs]
    if None not in found:
        return [run for run in found if run is not None]
    from benchmark.system.device import choose_device
    from benchmark.training.engines.choosing import fastest_engine

    device = choose_device(options.device)
    return [
        there or run.on(fastest_engine(run.setup, run.rule, run.cell.density, device))
        for run, there in zip(runs, found, strict=True)
    ]


def engine_to_ask_for(results: Results) -> str | None:
    """The engine that somebody has to name to get these results again; None where ``auto`` chooses it for each of them.

    None, too, where they are of several engines, which no name stands for, and of GPUs, which have one alone.
    """
    used = {run.setup.engine for run, _ in results}
    on_cpu = {run.cell: run for run, result in results if is_of_cpu(str(result.environment["device"]))}
    if len(used) != 1 or not on_cpu:
        return None
    from benchmark.system.device import choose_device
    from benchmark.training.engines.choosing import fastest_engine

    cpu = choose_device("cpu")
    chosen = {fastest_engine(run.setup, run.rule, cell.density, cpu) for cell, run in on_cpu.items()}
    return None if chosen == used else used.pop()


def _found(run: Run, folder: ResultsFolder, taken: Set[str] = frozenset()) -> Run | None:
    for name in ENGINE_NAMES:
        candidate = run if name == run.setup.engine else run.on(name)
        if candidate.id in taken or folder.file(candidate.id).exists():
            return candidate
    return None
