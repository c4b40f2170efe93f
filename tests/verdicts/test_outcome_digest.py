"""The digest of a run's outcome, which tells it from other runs of the same cell and seed."""

from types import SimpleNamespace

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.runs import expand
from benchmark.verdicts.outcome_digest import digests_of


def digested_after(*steps, period, epochs=60):
    """The cells whose runs have a digest beside those of an experiment with this period."""
    settings = (f"topology.update_period={period}", f"training.epochs={epochs}")
    axes = {"criteria": ["magnitude"], "growths": ["gradient"], "densities": [0.2], "seeds": [1]}
    outcome = Outcome(digests={str(step): "0123456789abcdef" for step in steps})
    runs = expand(load_experiment("smoke", settings, axes, ["static"]))
    return {cell.criterion for cell in digests_of([(run, SimpleNamespace(outcome=outcome)) for run in runs])}


def test_a_baseline_trained_beside_updates_of_another_period_has_no_digest_that_could_be_compared():
    """Its id does not depend on the period, so it is taken for a run of any; its digests are of other steps."""
    assert digested_after(1, 100, 101, period=100) == {"magnitude", "static"}
    assert digested_after(1, 50, 51, period=100) == {"magnitude"}
    assert digested_after(1, period=100) == {"magnitude"}


def test_a_training_that_ends_before_its_first_update_has_digests_of_fewer_steps():
    assert digested_after(1, period=5000, epochs=1) == {"magnitude", "static"}
