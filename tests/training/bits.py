"""Prints the bits of every member of fleets that it trains, in a process with a number of threads of its own.

``python -m tests.training.bits THREADS CASES``, where CASES is JSON: networks, each with several fleets of members.
"""

import hashlib
import json
import sys

import torch

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from tests.training.small_fleets import CPU, recipe, setup, some_data


def bits(case, fleet):
    """A digest of all parameters, masks and the outcome of each member after a few steps."""
    training = TrainingSettings(epochs=2, batch_size=case["batch"], learning_rate=0.02)
    members = [
        Member(seed, density, "erk", recipe(criterion, growth, 2) if criterion else None)
        for seed, density, criterion, growth in fleet
    ]
    data = some_data(*case["shape"], examples=case["examples"])
    found = FleetTraining(members, setup(case["model"], training), data, CPU)
    for _ in found.steps():
        pass
    outcomes = found.finish()
    return [_digest(found.engine, index, outcomes[index]) for index in range(len(members))]


def _digest(engine, index, outcome):
    text = hashlib.sha256(repr((outcome.test_accuracy_last, outcome.validation_accuracy)).encode())
    for tensors in (engine.weights(index), engine.masks(index)):
        for tensor in tensors.values():
            text.update(tensor.contiguous().numpy().tobytes())
    return text.hexdigest()[:16]


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    cases = json.loads(sys.argv[2])
    print(json.dumps([[bits(case, fleet) for fleet in case["fleets"]] for case in cases]))
