"""How long a whole experiment takes, extrapolated from what its steps, updates and evaluations take here."""

from benchmark.accelerator.networks import DEFAULT, Network, key, setup_of
from benchmark.accelerator.parts import Asked, Findings
from benchmark.data import source_of
from benchmark.experiments.cost import total_steps
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import Setup
from benchmark.running.plan import dataset_on
from benchmark.timing.comparison import now
from benchmark.training import updates
from benchmark.training.evaluation import evaluate
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import member_of

UPDATES_TIMED = 20
"""Members whose topology update is timed."""
EXAMPLES = 4000
"""For training; half as many are evaluated."""
TARGET_MINUTES = 30


def beside_steps(network: Network, size: int, asked: Asked) -> Findings:
    """Seconds of updates and evaluations of a fleet of the first runs of an experiment, and of the whole experiment."""
    runs = expand(load_experiment(network.experiment))
    chosen = [run for run in runs if run.rule.criterion is not None][:size]
    setup = setup_of(network, DEFAULT, examples=EXAMPLES)
    dataset = dataset_on(setup.data, None, asked.device)
    training = FleetTraining([member_of(run) for run in chosen], setup, dataset, asked.device)
    steps = training.steps()
    for _ in range(3):
        next(steps)
    few = min(UPDATES_TIMED, len(chosen))
    updates.update(training.engine, 0, 3, training.total_steps)
    began = now(asked.device)
    for member in range(few):
        updates.update(training.engine, member, 3, training.total_steps)
    update = (now(asked.device) - began) / few
    evaluate(training.engine, dataset, dataset.validation, asked.device)
    began = now(asked.device)
    evaluate(training.engine, dataset, dataset.validation, asked.device)
    evaluation = (now(asked.device) - began) / dataset.validation.targets.numel() / len(chosen)
    step = (asked.notes.found(key(network, DEFAULT, size)) or {})["seconds per step of the fleet"] / size
    minutes = _minutes(chosen[0].setup, len(runs), step, update, evaluation)
    return {
        "fleet": size,
        "seconds of a step of one network": step,
        "seconds of an update of one network": update,
        "seconds of evaluating one network on one example": evaluation,
        f"minutes of {network.experiment}, {len(runs)} runs": sum(minutes.values()),
        "of these": ", ".join(f"{name} {value:.1f}" for name, value in minutes.items()),
        "target in minutes": TARGET_MINUTES,
    }


def _minutes(setup: Setup, runs: int, step: float, update: float, evaluation: float) -> dict[str, float]:
    """Of all runs of an experiment, by what they are taken for."""
    steps = total_steps(setup)
    validated = source_of(setup.data).look.examples / 9  # the last tenth of the training data
    return {
        "steps": runs * steps * step / 60,
        "updates": runs * (steps // setup.topology.update_period) * update / 60,
        "evaluations": runs * setup.training.epochs * validated * evaluation / 60,
    }
