"""What the runs that are archived beside expected values say of these: whose they are, and of which settings."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from benchmark.experiments.experiment import Experiment
from benchmark.verdicts.expected import MEASURED, Expected
from benchmark.verdicts.outcome_digest import digest_of_plain

NOT_OF_A_SETUP = ("criterion", "growth", "density", "seed", "engine", "measure")
"""Settings of a run that its cell names, or that change no value of it."""
UNSET = "unset"


def are_of(expected: Expected, outcomes: Collection[Mapping[str, Any]]) -> bool:
    """Whether expected values were made of just the runs with these outcomes, as far as digests of runs are stored."""
    own = [stored.estimates[MEASURED] for stored in expected.cells if MEASURED in stored.estimates]
    if any(each.values.keys() != each.digests.keys() for each in own):
        return True
    return {digest for each in own for digest in each.digests.values()} == set(map(digest_of_plain, outcomes))


def otherwise(experiment: Experiment, settings: Collection[Mapping[str, Any]]) -> list[str]:
    """In what an experiment trains otherwise than runs with these settings, as in ``training.epochs=3 instead of 60``.

    Empty where it trains as some of them, whatever their code and engine. Settings that the experiment varies are left
    out, because cells are named by them, and so are baselines, which train with a part of the settings.
    """
    _, setup = experiment.setups[0]  # the others differ from it in what varies
    now = _setup_of(setup.identifying(), experiment)
    kept = [_chosen(each) for each in settings if "criterion" in each]
    different = {repr(each): each for each in kept}.values()  # of hundreds of runs some few
    return min((list(_differences(now, _setup_of(then, experiment))) for then in different), key=len, default=[])


def _setup_of(settings: Mapping[str, Any], experiment: Experiment) -> dict[str, Any]:
    """What decides a training beside its cell, by the place of each setting in an experiment."""
    varied = experiment.axes.settings
    return {key: value for key, value in _flat(_chosen(settings)) if not any(_is_in(key, axis) for axis in varied)}


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in NOT_OF_A_SETUP}


def _is_in(key: str, place: str) -> bool:
    return key == place or key.startswith(f"{place}.")


def _flat(content: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and "spec" in value:  # a plugin, with its code
            yield place + key, value["spec"]
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield place + key, value


def _differences(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(now.keys() | then.keys()):
        here, there = (each.get(key, UNSET) for each in (now, then))
        if here != there:
            yield f"{key}={here} instead of {there}"
