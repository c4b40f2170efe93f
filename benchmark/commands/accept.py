"""``dst-bench accept``: the only thing that writes expected values."""

import argparse
import datetime
from typing import Any

from benchmark.experiments.part import selected_experiment
from benchmark.experiments.results import samples, stored_results
from benchmark.experiments.runs import expand
from benchmark.verdicts.claims import claims
from benchmark.verdicts.expected import HERE, Source, accept
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Store the results of an experiment as its ``measured`` expected values."""
    experiment = selected_experiment(args.experiment, args)
    runs = expand(experiment)
    found = stored_results(runs, args.results)
    if len(found) < len(runs):
        raise InputError(
            f"{len(runs) - len(found)} of {len(runs)} runs of {experiment.name} have no result in {args.results}; "
            "run the experiment first, or select the part that is there"
        )
    environments = [result.environment for _, result in found]
    path = (args.expected or HERE) / f"{experiment.name}.yaml"
    provenance = Source(
        kind="measured",
        version=_all_of(environments, "dst-bench"),
        torch=_all_of(environments, "torch"),
        device=_all_of(environments, "device"),
        date=datetime.datetime.now(datetime.UTC).date(),
        note=f"dst-bench run {experiment.name}",
    )
    values = samples(found)
    accept(
        values,
        provenance,
        path,
        metric=experiment.metric,
        tolerance=experiment.tolerance,
        claims={outcome.id: outcome.verdict for outcome in claims(values, experiment.tolerance)},
    )
    print(f"{path}: stored {len(found)} results of {len(values)} cells; review the change and commit it")
    return 0


def _all_of(environments: list[dict[str, Any]], key: str) -> str:
    """What the results say of ``key``, in one text."""
    return ", ".join(sorted({str(environment[key]) for environment in environments}))
