"""Trains on two processes and on one, for test_parallel.py: `python two_processes.py FOLDER`.

It stands for torchrun: it imports torch once and forks, which a process that runs tests cannot do. Each process leaves
in the folder what it printed, its status, and what it trained.
"""

import copy
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import sklearn.datasets  # noqa: F401 - the processes then do not have to
import torch
import torch._dynamo  # what an optimizer imports when it is made, in seconds
from torch import Tensor, nn
from torch.distributed import TCPStore

import benchmark.commands.run  # nor this
import benchmark.training.initial
from benchmark.commands import cli
from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import TopologySettings, TrainingSettings
from benchmark.system import communication
from benchmark.training.engines.dense import DenseEngine
from benchmark.training.engines.engine import Batch
from benchmark.training.fleet_training import FleetTraining, Outcomes
from benchmark.training.members import Member, Recipe
from criteria import InputError, load
from tests.training.small_fleets import setup

CPU = torch.device("cpu")
EXAMPLES, BATCH = 33, 16
"""Batches of 16, 16 and 1: of the last one a process has no share."""
TRAINING = TrainingSettings(epochs=3, batch_size=BATCH, learning_rate=0.05, label_smoothing=0.1, warmup_epochs=2)
EXPERIMENT = """
title: tiny
data: digits
model: {name: mlp, widths: [16]}
training: {epochs: 2, batch_size: 128, learning_rate: 0.1}
topology: {update_period: 5}
axes: {criteria: [snip, grasp], growths: [gradient], densities: [0.2], seeds: [1]}
baselines: [static]
"""


def noisy(stored: Tensor, generator: torch.Generator) -> Tensor:
    return stored + torch.randn(stored.shape, generator=generator)


def some_data(*shape: int) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(10, (3 * EXAMPLES,), generator=generator)
    inputs = torch.randn(10, *shape, generator=generator)[targets] * 3
    train, validation, test = (Split(i, t) for i, t in zip(inputs.chunk(3), targets.chunk(3), strict=True))
    return Dataset(
        "made up", train, validation, test, 10, augment=noisy, decode=lambda stored, _: stored / 2, from_files=True
    )


def members() -> list[Member]:
    def recipe(criterion: str, growth: str) -> Recipe:
        return Recipe(load(criterion, "criterion"), load(growth, "growth"), TopologySettings(update_period=2))

    return [
        Member(1, 1.0),
        Member(1, 0.2, "erk", recipe("magnitude", "gradient")),
        Member(2, 0.3, "erk", recipe("snip", "random")),
        Member(1, 0.2, "erk", recipe("running_snip", "gradient")),
    ]


def conv_with_batch_norm(*_: object) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))


def train(model: dict[str, object], *shape: int) -> None:
    """Train members and keep how they end, before the best checkpoint is put back, and their outcomes."""
    torch.set_default_dtype(torch.float64)  # rounding so fine that it decides no comparison of scores
    with communication.joined():
        training = FleetTraining(members(), setup(model, TRAINING), some_data(*shape), CPU)
        for _ in training.steps():
            pass
        end = copy.deepcopy(training.engine.state_dict())
        state = end | {"outcomes": Outcomes.dump_python(training.finish())}
        number = communication.rank()
    torch.save(state, f"trained-{number}.pt")


def train_perceptrons() -> None:
    train({"name": "mlp", "widths": [16, 12]}, 6)


def train_with_batch_norm() -> None:
    benchmark.training.initial.build_network = conv_with_batch_norm
    train({"name": "conv with batch-norm"}, 3, 6, 6)


def command(*arguments: str) -> int:
    Path("tiny.yaml").write_text(EXPERIMENT)
    return cli.main([*arguments, "tiny.yaml", "--criteria", "snip,static", "--no-contract", "--device=cpu"])


def second_fails(fail: Callable[[], None]) -> int:
    """Run the command; in the middle of the training the second of the processes fails."""
    plain, calls = DenseEngine.backward, 0

    def backward(self: DenseEngine, batch: Batch) -> Tensor:
        nonlocal calls
        calls += 1
        if communication.rank() == 1 and calls == 3:
            fail()
        return plain(self, batch)

    DenseEngine.backward = backward  # type: ignore[method-assign]
    return command("run")


def bad_image() -> None:
    raise InputError("7.jpeg cannot be read as an image")


def second_has_bad_input() -> int:
    return second_fails(bad_image)


def second_is_killed() -> int:
    return second_fails(lambda: os.kill(os.getpid(), signal.SIGKILL))


def needs_a_whole_batch() -> int:
    Path("tiny.yaml").write_text(EXPERIMENT)
    return cli.main(["run", "tiny.yaml", "--criteria", "grasp", "--no-contract", "--device=cpu"])


WORK: dict[str, tuple[Callable[[], int | None], int]] = {
    "perceptrons-1": (train_perceptrons, 1),
    "perceptrons-2": (train_perceptrons, 2),
    "batch-norm-2": (train_with_batch_norm, 2),
    "run-1": (lambda: command("run"), 1),
    "run-2": (lambda: command("run"), 2),
    "reproduce-2": (lambda: command("reproduce"), 2),
    "bad-input-2": (second_has_bad_input, 2),
    "killed-2": (second_is_killed, 2),
    "grasp-2": (needs_a_whole_batch, 2),
}
"""What is done, and on how many processes."""


def forked(folder: Path, work: Callable[[], int | None], number: int, processes: int, port: int) -> int:
    """Do the work in a new process, in a folder; returns the process's id."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        os.chdir(folder)
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{name}-{number}", os.O_WRONLY | os.O_CREAT), descriptor)
        if processes > 1:
            os.environ |= {"WORLD_SIZE": str(processes), "RANK": str(number), "LOCAL_RANK": str(number)}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
        status = work() or 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(root: Path) -> None:
    torch.set_num_threads(1)
    communication.SILENT_SECONDS = 600.0  # on a busy machine a process may wait for seconds, and what is said is read
    for name, (work, processes) in WORK.items():
        folder = root / name
        folder.mkdir()
        meeting_point = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # torchrun has it too
        children = [forked(folder, work, number, processes, meeting_point.port) for number in range(processes)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        (folder / "statuses").write_text(" ".join(map(str, statuses)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
