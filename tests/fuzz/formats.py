"""Every file that the project reads: a whole one to damage, how it is read, and what may come of a damaged one.

A format is added here in one line of ``FORMATS``.
"""

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from hypothesis import strategies as st
from PIL import Image

from benchmark.data import cifar10, fashion_mnist, higgs, load_dataset, tinyimagenet
from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Result, ResultsFolder, Timing
from benchmark.experiments.runs import expand
from benchmark.running import gate
from benchmark.training.members import member_of
from benchmark.verdicts.accepting import Evidence, accept
from benchmark.verdicts.check import check
from benchmark.verdicts.expected import Source, read_expected
from benchmark.verdicts.rendering import as_json, render
from criteria.plugins import Spec
from tests.fuzz.damage import damaged_bytes, damaged_json, damaged_yaml
from tests.small_data import cifar_archive, higgs_copy, idx


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    ``prepare(folder, monkeypatch)`` writes whole ones into an empty folder and returns those to damage; ``damage``
    gives a strategy for the content of one from its whole content; ``read(folder)`` is what the project makes of it;
    ``accept(whole, found)`` fails the test where ``found`` should not have come of a damaged file.
    """

    name: str
    prepare: Callable[[Path, Any], list[Path]]
    read: Callable[[Path], Any]
    accept: Callable[[Any, Any], None]
    damage: Callable[[bytes], st.SearchStrategy[bytes]] = damaged_bytes
    cost: int = 1
    """Roughly, of reading one, beside the others."""


EXPERIMENT = {
    "title": "small",
    "figure": "Figure 1",
    "data": "digits",
    "model": {"name": "mlp", "widths": [8], "dropout": 0.1},
    "training": {"epochs": 3, "batch_size": 64, "learning_rate": 0.1, "milestones": [0.5]},
    "topology": {"update_period": 5, "prune_fraction": {"schedule": "linear", "start": 0.5}, "scope": "global"},
    "axes": {"criteria": ["magnitude", "mest(lambda_=0.1)"], "growths": ["random"], "densities": [0.1], "seeds": [1]},
    "baselines": ["static"],
    "tolerance": 1.0,
}


def write_experiment(folder, monkeypatch):
    (folder / "small.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    return [folder / "small.yaml"]


def read_experiment(folder):
    experiment = load_experiment(str(folder / "small.yaml"))
    for run in expand(experiment):
        place = ResultsFolder(folder, experiment.name).file(run.id)
        assert place.resolve().is_relative_to(folder.resolve())
        assert place.parent.parent.parent == folder
        member_of(run)
    return experiment


def is_an_experiment(whole, found):
    """Another experiment has other runs."""
    same = [run.settings for run in expand(whole)] == [run.settings for run in expand(found)]
    assert same == ([run.id for run in expand(whole)] == [run.id for run in expand(found)])


CELLS = [
    Cell("magnitude", "gradient", 0.1),
    Cell("mest", "random", 0.1, (("update_period", 25),)),
    Cell("dense", None, 1),
]
SAMPLES = {cell: {seed: 80.0 + seed + place for seed in (1, 2, 3)} for place, cell in enumerate(CELLS)}


def write_expected_values(folder, monkeypatch):
    path = folder / "small.yaml"
    source = Source(kind="published", reference="Table 2", date="2026-03-14")
    evidence = Evidence(SAMPLES, source, claims={"similar": "supported"})
    accept(evidence, path, metric="test_accuracy_best", tolerance=1.0)
    return [path]


def read_expected_values(folder):
    expected = read_expected(folder / "small.yaml")
    outcome = check(SAMPLES, expected)
    render(outcome)
    json.loads(as_json(outcome))
    return outcome


def are_expected_values(whole, found):
    """A value that is not what its seeds give is not taken for reproduced."""
    judged = {(row.cell, row.source): row for row in found.rows}
    for row in whole.rows:
        other = judged.get((row.cell, row.source))
        if other is not None and other.verdict == "reproduced":
            assert abs(other.difference) <= found.tolerance


RUN = expand(load_experiment("smoke", axes={"seeds": [1]}))[0]


def write_result(folder, monkeypatch):
    outcome = Outcome(90.5, 90.25, 2, [88.0, 91.5, 91.0], {"fc1.weight": 0.05}, diverged=False)
    environment = {"dst-bench": "0.1.0", "torch": "2.11.0", "python": "3.11.2", "device": "CPU", "threads": 1}
    result = Result(
        id=RUN.id,
        experiment="smoke",
        settings=RUN.settings,
        outcome=outcome,
        environment=environment,
        time=Timing(finished="2026-03-14T12:00:00+00:00", fleet_seconds=1.5, fleet_size=4),
    )
    place = ResultsFolder(folder, "smoke")
    place.store(result)
    return [place.file(RUN.id)]


def read_result(folder):
    return ResultsFolder(folder, "smoke").read(RUN)


def is_the_result(whole, found):
    """Nothing may differ but the digest of the times, which older versions did not write."""
    assert found.model_dump(exclude={"time": {"digest"}}) == whole.model_dump(exclude={"time": {"digest"}})


def write_fashion_mnist(folder, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    (folder / "fashion-mnist").mkdir()
    digests, paths = {}, []
    for part, count in (("train", 20), ("t10k", 5)):
        pixels = torch.randint(256, (count, 28, 28), generator=generator).to(torch.uint8)
        labels = (torch.arange(count) % 10).to(torch.uint8)
        for name, values in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", labels)):
            digests[name] = f"sha256:{hashlib.sha256(idx(values)).hexdigest()}"
            paths.append(folder / "fashion-mnist" / f"{name}.gz")
            paths[-1].write_bytes(gzip.compress(idx(values)))
    monkeypatch.setattr(fashion_mnist, "DIGESTS", digests)
    monkeypatch.setattr(fashion_mnist, "TRAIN_EXAMPLES", 18)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", folder / "debian")
    return paths


def write_cifar(folder, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    members = {}
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        pixels = torch.randint(256, (4, 3, 32, 32), generator=generator).to(torch.uint8)
        members[f"cifar-10-batches-bin/{name}.bin"] = (b"", pixels, torch.arange(4))
    content = cifar_archive(members)
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(cifar10, "TRAIN_EXAMPLES", 18)
    path = folder / cifar10.URL.rpartition("/")[2]
    path.write_bytes(content)
    return [path]


def write_images(folder, monkeypatch):
    monkeypatch.setattr(tinyimagenet, "CLASSES", 3)
    monkeypatch.setattr(tinyimagenet, "TRAIN_EXAMPLES", 3)
    monkeypatch.setattr(tinyimagenet, "VALIDATION_EXAMPLES", 6)
    noise = np.random.default_rng(0)
    lines, paths = [], []
    for number in range(3):
        path = folder / "train" / f"n0000000{number}" / "images" / f"n0000000{number}_0.JPEG"
        path.parent.mkdir(parents=True)
        paths.append(path)
    for number in range(6):
        path = folder / "val" / "images" / f"val_{number}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.append(path)
        lines.append(f"{path.name}\tn0000000{number % 3}\t0\t0\t63\t63\n")
    for path in paths:
        Image.fromarray(noise.integers(256, size=(64, 64, 3), dtype=np.uint8)).save(path)
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return paths


def write_list_of_images(folder, monkeypatch):
    write_images(folder, monkeypatch)
    return [folder / "val" / "val_annotations.txt"]


def write_higgs(folder, monkeypatch):
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)  # before it asks the network again
    monkeypatch.setattr(higgs, "TRAIN_EXAMPLES", 28)
    noise = np.random.default_rng(0)
    higgs_copy(noise.normal(3, 20, (40, 24)).astype(np.float32), (noise.random(40) < 0.4).astype(int), folder)
    return sorted((folder / "openml").rglob("*.gz"))


def reader(name):
    def read(folder):
        return load_dataset(name, folder)

    return read


def are_the_data(whole, found):
    """Not one number differs."""
    for part in ("train", "validation", "test"):
        for side in ("inputs", "targets"):
            assert torch.equal(getattr(getattr(whole, part), side), getattr(getattr(found, part), side))


def have_the_targets(whole, found):
    """Pixels may differ where a decoder cannot tell; the classes and the number of images may not."""
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(whole, part).targets, getattr(found, part).targets)
        assert getattr(whole, part).inputs.shape == getattr(found, part).inputs.shape
        assert getattr(found, part).inputs.isfinite().all()


def inside(packed):
    """Damage to a packed file, or to what is inside and then packed as before."""
    content = gzip.decompress(packed)
    damaged = damaged_json(content) if content.startswith(b"{") else damaged_bytes(content)
    return damaged_bytes(packed) | damaged.map(gzip.compress)


def write_contract_cache(folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(gate, "check_criterion", lambda spec, examples: None)
    gate.check_once(Spec("magnitude"), "criterion")
    asked = []
    monkeypatch.setattr(gate, "check_criterion", lambda spec, examples: asked.append(spec))
    monkeypatch.setattr(gate, "check_asked", asked, raising=False)
    return [path for path in folder.rglob("*") if path.is_file()]


def read_contract_cache(folder):
    """Whether the criterion was checked again."""
    before = len(gate.check_asked)
    gate.check_once(Spec("magnitude"), "criterion")
    return len(gate.check_asked) > before


def is_checked_again(whole, found):
    assert (whole, found) == (False, True)


FORMATS = [
    Format("experiment", write_experiment, read_experiment, is_an_experiment, damaged_yaml),
    Format("expected values", write_expected_values, read_expected_values, are_expected_values, damaged_yaml, cost=2),
    Format("result", write_result, read_result, is_the_result, damaged_json),
    Format("contract cache", write_contract_cache, read_contract_cache, is_checked_again),
    Format("Fashion-MNIST", write_fashion_mnist, reader("fashion_mnist"), are_the_data),
    Format("CIFAR", write_cifar, reader("cifar10"), are_the_data),
    Format("Tiny-ImageNet images", write_images, reader("tinyimagenet"), have_the_targets),
    Format("Tiny-ImageNet list", write_list_of_images, reader("tinyimagenet"), have_the_targets),
    Format("HIGGS", write_higgs, reader("higgs"), are_the_data, inside, cost=10),
]
