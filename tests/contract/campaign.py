"""Campaigns: thousands of questions to the contract, in several processes, that go on where they were interrupted.

What is known is written to a file at once. It belongs to the code of the contract and of the plugins, so that a
campaign begins anew when one of them changes. ``evidence.jsonl.xz`` holds what was found out about the code as it was
released; ``--anew`` finds it out again.
"""

import argparse
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
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from hypothesis import settings

import criteria

FOLDER = Path("build/contract")
EVIDENCE = Path(__file__).parent / "evidence.jsonl.xz"
ASKED_ABOUT = ("broken", "right", "operators", "demonstrations")
"""The folders of tests whose plugins and faults the contract is asked about."""


@dataclass(frozen=True)
class Answer:
    """What the contract said to a question."""

    question: str
    says: tuple[str, ...]
    """The first word says what it is about; the others are names of properties."""
    seconds: float
    """What it took, by the clock."""


Ask = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True)
class Campaign:
    """Questions by name, and who answers them; the function is found by its name in other processes."""

    name: str
    ask: Ask

    @property
    def file(self) -> Path:
        """Where the answers for this code are stored."""
        return FOLDER / f"{self.name}-{code_digest()}.jsonl"

    def known(self, anew: bool = False) -> dict[str, Answer]:
        """The answers that are stored, and those of the evidence unless they are to be found out ``anew``."""
        found: dict[str, Answer] = {}
        if not anew and EVIDENCE.exists():
            stored = (json.loads(line) for line in lzma.decompress(EVIDENCE.read_bytes()).decode().splitlines())
            found |= _answers(line for line in stored if (line["campaign"], line["code"]) == (self.name, code_digest()))
        if self.file.exists():
            found |= _answers(json.loads(line) for line in self.file.read_text().splitlines() if line.endswith("}"))
        return found

    def answers(self, questions: list[str], options: argparse.Namespace) -> list[Answer]:
        """The answers to all questions, in their order; what is not known is asked, and stored at once."""
        known = self.known(options.anew)
        left = [question for question in questions if question not in known]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as stored:
            for number, answer in enumerate(_asked(self.ask, left, options.jobs), 1):
                known[answer.question] = answer
                print(json.dumps(self._line(answer)), file=stored, flush=True)
                print(
                    f"[{number}/{len(left)}] {answer.question}: {', '.join(answer.says)}", file=sys.stderr, flush=True
                )
        return [known[question] for question in questions]

    def _line(self, answer: Answer) -> dict[str, object]:
        machine = f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}"
        return {"campaign": self.name, "code": code_digest(), "machine": machine, **vars(answer)}


@cache
def code_digest() -> str:
    """Names the code that the answers depend on."""
    folders = [Path(criteria.__file__).parent, *(Path(__file__).parent / each for each in ASKED_ABOUT)]
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that all campaigns have."""
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; all processors by default")
    parser.add_argument("--anew", action="store_true", help="ask also what the evidence in the repository answers")


def pack(files: Iterable[Path]) -> None:
    """Put these files beside what the evidence holds for the present code: ``python -m tests.contract.campaign``."""
    lines = set(lzma.decompress(EVIDENCE.read_bytes()).decode().splitlines()) if EVIDENCE.exists() else set()
    lines |= {line for file in files for line in file.read_text().splitlines() if line.endswith("}")}
    kept = {(each["campaign"], each["question"]): each for each in map(json.loads, sorted(lines))}
    of_this_code = [kept[place] for place in sorted(kept) if kept[place]["code"] == code_digest()]
    text = "".join(f"{json.dumps(each)}\n" for each in of_this_code)
    EVIDENCE.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{len(of_this_code)} answers in {EVIDENCE}")


def _answers(lines: Iterable[dict[str, object]]) -> dict[str, Answer]:
    found = [Answer(str(each["question"]), tuple(each["says"]), float(each["seconds"])) for each in lines]  # type: ignore[arg-type]
    return {each.question: each for each in found}


def _asked(ask: Ask, questions: list[str], jobs: int) -> Iterator[Answer]:
    if min(jobs, len(questions)) < 2:
        _quiet()
        yield from (_timed(ask, question) for question in questions)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _quiet) as pool:
        waiting: list[Future[Answer]] = [pool.submit(_timed, ask, question) for question in questions]
        yield from (each.result() for each in as_completed(waiting))


def _timed(ask: Ask, question: str) -> Answer:
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        says = ask(question)
    return Answer(question, says, round(time.monotonic() - started, 2))


def _quiet() -> None:
    torch.set_num_threads(1)
    settings.register_profile("campaign", database=None)
    settings.load_profile("campaign")


if __name__ == "__main__":
    pack(map(Path, sys.argv[1:]))
