"""Campaigns: thousands of questions to the contract, in several processes, that go on where they were interrupted.

What is known is written to a file at once. It belongs to the code that decides it, the contract's and the plugins', so
that a campaign begins anew when that changes. ``evidence.jsonl.xz`` holds what was found out about the code as it was
released; with ``--anew`` it is not believed.
"""

import argparse
import gc
import hashlib
import json
import lzma
import multiprocessing
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

import criteria
from benchmark.system.files import append
from criteria.plugins.code import plain_code

FOLDER = Path("build/contract")
HERE = Path(__file__).parent
EVIDENCE = HERE / "evidence.jsonl.xz"
PLUGINS = Path(criteria.__file__).parent
OF_NO_VERDICT = (
    "training",
    "plugins/identities.py",
    "plugins/sources.py",
    "contract/alone.py",
    "contract/code.py",
    "contract/command.py",
    "contract/implementations",
)
"""What decides no verdict on a plugin that a campaign asks about.

That is one's own loop, and the contract for implementations, which neither this contract nor a plugin imports; what
finds the code of a plugin and names it; and what prints verdicts and counterexamples.
"""
DECIDES = {
    "attack": ("broken", "right", "naming.py", "demonstrations/settings.py"),
    "mutants": ("operators", "right", "naming.py", "demonstrations"),
    "shipped": (),
}
"""What of these tests the answers of a campaign depend on, beside the contract and the plugins that are shipped."""
AT_ANY_SEED = {"shipped": (PLUGINS / "contract/special.py",)}
"""What need not be asked anew at every seed when it changes: cases that are the same at all of them.

The long tests ask every plugin that is shipped about them.
"""


@dataclass(frozen=True)
class Answer:
    """What the contract said to a question."""

    question: str
    says: tuple[str, ...]
    """The verdict, and names of properties."""


Ask = Callable[[str], tuple[str, ...]]


def question(about: str, examples: int, seed: int) -> str:
    """The name of a question about a plugin."""
    return f"{about}, {examples} examples, seed {seed}"


def parsed(asked: str) -> tuple[str, int, int]:
    """What :func:`question` was made of."""
    about, examples, seed = asked.split(", ")
    return about, int(examples.split()[0]), int(seed.split()[1])


@dataclass(frozen=True)
class Campaign:
    """Questions by name, and who answers them; the function is found by its name in other processes."""

    name: str
    ask: Ask

    @property
    def file(self) -> Path:
        """Where the answers for this code are stored."""
        return FOLDER / f"{self.name}-{code_digest(self.name)}.jsonl"

    def known(self, anew: bool = False) -> dict[str, Answer]:
        """The answers that are stored, and those of the evidence unless all is to be found out ``anew``."""
        lines = [] if anew else [line for line in _evidence() if line["campaign"] == self.name]
        lines += _lines(self.file.read_text()) if self.file.exists() else []
        return {line["question"]: Answer(line["question"], tuple(line["says"])) for line in lines}

    def answers(self, questions: list[str], options: argparse.Namespace) -> list[Answer]:
        """The answers to all questions, in their order; what is not known is asked, and stored at once."""
        known = self.known(options.anew)
        left = [asked for asked in questions if asked not in known]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        for number, (answer, seconds) in enumerate(_asked(self.ask, left, options.jobs), 1):
            known[answer.question] = answer
            append(self.file, f"{json.dumps(self._line(answer, seconds))}\n")
            told = f"[{number}/{len(left)}] {answer.question}: {', '.join(answer.says)}"
            print(told, file=sys.stderr, flush=True)
        return [known[asked] for asked in questions]

    def _line(self, answer: Answer, seconds: float) -> dict[str, object]:
        machine = f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}"
        about = {
            "campaign": self.name,
            "code": code_digest(self.name),
            "machine": machine,
            "seconds": round(seconds, 2),
        }
        return about | vars(answer)


@cache
def code_digest(campaign: str) -> str:
    """Names the code that its answers depend on: the statements, without comments and docstrings."""
    places = [PLUGINS, *(HERE / each for each in DECIDES.get(campaign, ()))]
    found = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    left_out = (*(PLUGINS / each for each in OF_NO_VERDICT), *AT_ANY_SEED.get(campaign, ()))
    sources = [path for path in found if not any(path.is_relative_to(each) for each in left_out)]
    return hashlib.sha256("\0".join(plain_code(path.read_text("utf-8")) for path in sources).encode()).hexdigest()[:12]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that all campaigns have."""
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; all processors by default")
    parser.add_argument("--anew", action="store_true", help="do not believe the evidence in the repository")


def pack(files: Iterable[Path]) -> None:
    """Put these files beside what the evidence holds for the present code: ``python -m tests.contract.campaign``."""
    lines = [*_evidence(), *(line for file in files for line in _lines(file.read_text()))]
    kept = {(line["campaign"], line["question"]): line for line in lines if _is_current(line)}
    text = "".join(f"{json.dumps(kept[place])}\n" for place in sorted(kept))
    EVIDENCE.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{len(kept)} answers in {EVIDENCE}")


def _evidence() -> list[dict[str, Any]]:
    """The lines of the evidence that are about the present code."""
    text = lzma.decompress(EVIDENCE.read_bytes()).decode() if EVIDENCE.exists() else ""
    return [line for line in _lines(text) if _is_current(line)]


def _is_current(line: dict[str, Any]) -> bool:
    """Whether a line is about the present code."""
    return bool(line["code"] == code_digest(line["campaign"]))


def _lines(text: str) -> list[dict[str, Any]]:
    """The lines of a file, without one that was cut off."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def _asked(ask: Ask, questions: list[str], jobs: int) -> Iterator[tuple[Answer, float]]:
    if min(jobs, len(questions)) < 2:
        yield from (_timed(ask, asked) for asked in questions)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        for each in as_completed([pool.submit(_timed, ask, asked) for asked in questions]):
            yield each.result()
    finally:
        pool.shutdown(cancel_futures=True)  # else all that is left would be answered first, and thrown away


def _begin() -> None:
    torch.set_num_threads(1)
    # A search makes many small objects; looking for cycles among them as often as Python does takes an eighth of it.
    gc.set_threshold(50_000, 20, 100)


def _timed(ask: Ask, asked: str) -> tuple[Answer, float]:
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        says = ask(asked)
    return Answer(asked, says), time.monotonic() - started


if __name__ == "__main__":
    pack(map(Path, sys.argv[1:]))
