"""Kill `dst-bench run` at random moments, start it again each time, and see that nothing is lost, torn or done twice.

    python tests/running/kills.py smoke --kills 100 --seed 1 --workers 1 --folder kills

Processes are forked from this one, so that most of the time between two kills goes into training and not into importing
torch; SIGKILL and everything that they write are real. Prints what it did, one line that begins with "wrong:" for each
promise that was broken, and exits with 1 if there was one.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmark.commands import cli
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.running.journal import read_journal
from benchmark.running.plan import dataset_on
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import member_of


def start(arguments: Sequence[str], log: Path) -> int:
    """Fork a process that runs a command, with its output at the end of ``log``; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    status = 1
    try:
        status = cli.main(arguments)
    finally:
        sys.stdout.flush()
        os._exit(status)


def import_all(experiment: str) -> None:
    """Import what workers import only when they train; nothing is computed, as threads do not survive a fork."""
    first = expand(load_experiment(experiment))[0]
    dataset = dataset_on(first.setup.data, None, torch.device("cpu"))
    FleetTraining([member_of(first)], first.setup, dataset, torch.device("cpu"))


def whole(experiment: str, results: Path) -> dict[str, dict]:
    """The stored results without their times, by id; each is checked as every command checks it."""
    asked = load_experiment(experiment)
    found = ResultsFolder(results, asked.name).read_all(expand(asked))
    return {run.id: result.model_dump(mode="json", exclude={"time"}) for run, result in found}


class Chaos:
    """Workers that are killed and started again until all runs are stored, and what was wrong meanwhile."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.experiment = arguments.experiment
        self.name = load_experiment(arguments.experiment).name
        self.results = folder
        self.killed: list[int] = []
        self.wrong: list[str] = []
        self._workers = arguments.workers
        self._log = folder.with_suffix(".log")
        self._seen: dict[str, int] = {}
        self._command = ["run", arguments.experiment, "--no-contract", "--results", str(folder)]
        self._command += ["--checkpoint", str(arguments.checkpoint), *arguments.options]

    def until_done(self, lives: random.Random, kills: int, mean_life: float) -> None:
        """Keep the workers running, and kill one of them ``kills`` times at most, after lives of this mean length."""
        running = [start(self._command, self._log) for _ in range(self._workers)]
        due = time.monotonic() + lives.expovariate(1 / mean_life)
        while running:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended:
                running.remove(ended)
                if status and not (os.WIFSIGNALED(status) and ended in self.killed):
                    self.wrong.append(f"process {ended} ended with status {os.waitstatus_to_exitcode(status)}")
            elif time.monotonic() >= due and len(self.killed) < kills:
                victim = lives.choice(running)
                os.kill(victim, signal.SIGKILL)
                self.killed.append(victim)
                os.waitpid(victim, 0)
                running.remove(victim)
                self._look()
                running.append(start(self._command, self._log))
                due = time.monotonic() + lives.expovariate(1 / mean_life)
            else:
                time.sleep(0.005)

    def _look(self) -> None:
        """Every result that is there is whole, and those that were there are untouched."""
        whole(self.experiment, self.results)
        now = ResultsFolder(self.results, self.name).written()
        self.wrong += [
            f"the result of {run} was written again" for run in self._seen if now.get(run) != self._seen[run]
        ]
        self._seen = now

    def judge(self, undisturbed: dict[str, dict]) -> None:
        """What has to be true when all is done."""
        self._look()
        found = whole(self.experiment, self.results)
        lost = undisturbed.keys() - found.keys()
        if lost:
            self.wrong.append(f"{len(lost)} runs were lost")
        self.wrong += [f"{run} has another result" for run in found if found[run] != undisturbed.get(run)]
        folder = ResultsFolder(self.results, self.name).path
        expected = {folder / ".lock", folder / "journal.jsonl", *(folder / "runs").glob("*.json")}
        self.wrong += [
            f"{path} was left behind" for path in folder.rglob("*") if path.is_file() and path not in expected
        ]
        self._judge_journal(folder)

    def _judge_journal(self, folder: Path) -> None:
        """Each run was stored once, and nobody began with a run that another living worker had begun with."""
        entries = read_journal(folder)
        stored = Counter(run for entry in entries if entry.event == "stored" for run in entry.runs)
        self.wrong += [f"{run} was stored {times} times" for run, times in stored.items() if times > 1]
        owner: dict[str, int] = {}
        for entry in entries:
            pid = int(entry.worker.split("-")[-2])
            for run in entry.runs if entry.event == "claimed" else ():
                if owner.get(run, pid) != pid and owner[run] not in self.killed:
                    self.wrong.append(f"process {pid} began with {run} of process {owner[run]}, which was alive")
                owner[run] = pid


def main() -> int:
    """Do it and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the work")
    parser.add_argument("--checkpoint", type=float, default=0.5, help="seconds between checkpoints")
    parser.add_argument(
        "--life", type=float, help="mean seconds between kills (default: all kills in an undisturbed run's time)"
    )
    parser.add_argument("--folder", type=Path, default=Path("kills"), help="for results and logs; must not exist")
    arguments, arguments.options = parser.parse_known_args()
    torch.set_num_threads(1)  # and no thread before a fork
    arguments.folder.mkdir()

    import_all(arguments.experiment)

    calm = Chaos(arguments, arguments.folder / "undisturbed")
    began = time.monotonic()
    calm.until_done(random.Random(), kills=0, mean_life=1.0)
    seconds = time.monotonic() - began
    undisturbed = whole(arguments.experiment, calm.results)
    print(f"undisturbed: {len(undisturbed)} runs in {seconds:.1f} s", flush=True)

    lives = random.Random(arguments.seed)
    kills, wrong, rounds = 0, calm.wrong, 0
    while kills < arguments.kills and not wrong:
        rounds += 1
        chaos = Chaos(arguments, arguments.folder / f"round{rounds}")
        began = time.monotonic()
        chaos.until_done(lives, arguments.kills - kills, mean_life=arguments.life or seconds / arguments.kills)
        chaos.judge(undisturbed)
        kills += len(chaos.killed)
        wrong += chaos.wrong
        taken = [entry.step for entry in read_journal(chaos.results / chaos.name) if entry.event == "claimed"]
        print(
            f"round {rounds}: {len(chaos.killed)} kills in {time.monotonic() - began:.1f} s, {len(taken)} fleets "
            f"taken, {sum(step > 0 for step in taken)} of them went on from a checkpoint",
            flush=True,
        )
    print(f"{kills} kills, seed {arguments.seed}, {arguments.workers} workers: {len(wrong)} wrong")
    for each in wrong:
        print(f"wrong: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
