"""auto takes the sparse engine where it is faster by far, and the dense one where somebody reads dense tensors."""

import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.part import Part
from benchmark.experiments.runs import Rule, expand
from benchmark.running.plan import FleetSizes, plan_fleets
from benchmark.training.engines import SPARSE
from benchmark.training.engines.choosing import fastest_engine, step_seconds
from criteria.errors import InputError
from criteria.plugins import Spec

CPU = torch.device("cpu")
PLAIN = Rule(Spec.parse("magnitude"), Spec.parse("gradient"), None)


def setup_of(experiment):
    return load_experiment(experiment).setups[0][1]


def updated(setup, period, momentum):
    topology = setup.topology.model_copy(update={"update_period": period, "grown_momentum": momentum})
    return setup.model_copy(update={"topology": topology})


@pytest.mark.parametrize("experiment", ["fmnist-lenet300", "cifar10-mlp", "cifar10-cnn"])
def test_low_densities_train_on_the_sparse_engine_and_full_ones_on_the_dense(experiment):
    setup = setup_of(experiment)
    assert fastest_engine(setup, PLAIN, 0.05, CPU) == "sparse"
    assert fastest_engine(setup, PLAIN, 1.0, CPU) == "dense"


@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_convolutions_that_need_fewer_products_than_weights_train_on_the_sparse_engine_also_where_they_are_full(
    density,
):
    assert fastest_engine(setup_of("fmnist-cnn"), PLAIN, density, CPU) == "sparse"


def test_what_convolutions_by_points_cost_depends_on_no_density():
    half, full = (step_seconds(setup_of("fmnist-cnn"), PLAIN, density, "sparse") for density in (0.55, 1.0))
    assert half == pytest.approx(full, rel=0.15)  # the linear layers differ


def test_small_networks_train_without_compiling_anything():
    assert fastest_engine(setup_of("smoke"), PLAIN, 0.05, CPU) == "dense"


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_a_density_that_is_much_higher_is_never_cheaper(engine):
    setup = setup_of("fmnist-lenet300")
    seconds = [step_seconds(setup, PLAIN, density, engine) for density in (0.01, 0.1, 0.5, 1.0)]
    assert seconds == sorted(seconds)


def test_convolutions_of_the_sparse_engine_cost_more_where_updates_follow_each_other_closely():
    far, near, none = (
        step_seconds(updated(setup_of("cifar10-cnn"), period=period, momentum=kept), PLAIN, 0.05, "sparse")
        for period, kept in ((800, "keep"), (100, "keep"), (800, "reset"))
    )
    assert 1.05 * none < far < 1.1 * none
    assert near > 2 * far


def test_linear_layers_cost_the_same_whatever_becomes_of_the_momentum():
    kept, reset = (
        step_seconds(updated(setup_of("cifar10-mlp"), period=100, momentum=kept), PLAIN, 0.05, "sparse")
        for kept in ("keep", "reset")
    )
    assert kept == reset


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Spec.parse("running_magnitude"), Spec.parse("random"), None),
        Rule(Spec.parse("magnitude"), Spec.parse("momentum"), None),
        Rule(Spec.parse("grasp"), Spec.parse("random"), None),
    ],
    ids=["observes every step", "momentum growth", "Hessian products"],
)
def test_who_reads_dense_tensors_trains_on_the_dense_engine(rule):
    assert fastest_engine(setup_of("fmnist-lenet300"), rule, 0.05, CPU) == "dense"


def test_residual_networks_train_on_the_dense_engine():
    assert fastest_engine(setup_of("cifar10-resnet56"), PLAIN, 0.05, CPU) == "dense"


def test_a_gpu_trains_on_the_dense_engine():
    assert fastest_engine(setup_of("fmnist-lenet300"), PLAIN, 0.05, torch.device("cuda")) == "dense"


@pytest.mark.parametrize("compared", ["grasp", "wanda"])
def test_criteria_that_are_only_compared_decide_the_engine_too(compared):
    setup = setup_of("fmnist-jaccard-first")
    jaccard = setup.measure.jaccard.model_copy(update={"criteria": (Spec("magnitude"), Spec(compared))})
    setup = setup.model_copy(update={"measure": setup.measure.model_copy(update={"jaccard": jaccard})})
    assert fastest_engine(setup, PLAIN, 0.05, CPU) == "dense"
    assert compared in SPARSE.refuses(setup, PLAIN, CPU)


def test_an_engine_that_refuses_one_rule_of_many_is_not_planned_with():
    part = Part(criteria="magnitude,grasp", growth="random", seeds="1")
    runs = [run.on("sparse") for run in expand(part.select("smoke"))]
    with pytest.raises(InputError, match="--engine sparse: criterion grasp reads Hessian-gradient products"):
        plan_fleets(runs, FleetSizes(CPU, None))
