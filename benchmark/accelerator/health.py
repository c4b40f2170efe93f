"""Health: which device and which versions there are, whether it computes as fast as it should, and the CUDA tests."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmark.accelerator.checkout import missing_requirements
from benchmark.accelerator.parts import Asked, Findings, Item, SkipItem
from benchmark.accelerator.rates import copied_per_second, products_per_second
from benchmark.experiments.setup import Precision
from benchmark.system.device import environment, installed

ROOT = Path(__file__).resolve().parents[2]
MARK = "mark.cuda"
MOST_WORKERS = 8
"""Processes that share the GPU for the tests; each takes some of its memory."""
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")
QUERY = "name,driver_version,memory.total,memory.used,temperature.gpu,clocks.sm,power.draw,mig.mode.current"


def items() -> Iterable[Item]:
    """From what is known at once to what takes longest."""
    yield Item("versions", _versions, 30)
    yield Item("device", _device, 30)
    yield Item("arithmetic", _arithmetic, 60)
    yield Item("tests", _tests, 300)


def _versions(asked: Asked) -> Findings:
    lacking = missing_requirements(ROOT) if (ROOT / "pyproject.toml").exists() else []
    return {
        **installed(),
        **environment(asked.device),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "lacking": ", ".join(lacking) or "nothing",
    }


def _device(asked: Asked) -> Findings:
    asked.require_cuda("there is nothing to ask nvidia-smi for")
    properties = torch.cuda.get_device_properties(asked.device)
    found: Findings = {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "memory in GiB": properties.total_memory / 2**30,
        "free memory in GiB": torch.cuda.mem_get_info(asked.device)[0] / 2**30,
    }
    if (program := shutil.which("nvidia-smi")) is not None:
        command = [program, f"--query-gpu={QUERY}", "--format=csv"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        found["nvidia-smi"] = (done.stdout + done.stderr).strip()
    return found


def _arithmetic(asked: Asked) -> Findings:
    products = {f"{p} TFLOP/s": products_per_second(p, asked.device) / 1e12 for p in PRECISIONS}
    return {**products, "copies in GB/s, read and written": copied_per_second(asked.device) / 1e9}


def _tests(asked: Asked) -> Findings:
    asked.require_cuda("tests that are marked so are skipped without one")
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if MARK in path.read_text("utf-8")]
    if not files:
        raise SkipItem("the tests are not here: only a checkout has them, an installed package has none")
    report = asked.folder.resolve() / "scratch" / "tests.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # that of an earlier call would stand for tests that do not even begin now
    options = ["-m", "cuda", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", "--tb=short", f"--junitxml={report}"]
    if find_spec("xdist") is not None:
        options += ["-n", str(min(os.cpu_count() or 1, MOST_WORKERS))]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise RuntimeError(f"pytest ended with status {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return {**report_of(report), "output": done.stdout[-6000:]}


def report_of(junit: Path) -> Findings:
    """How many tests there were and how they ended, from pytest's report; one that failed deviates."""
    suite = next(ET.parse(junit).getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    return {**counts, "deviates": bool(counts["failures"] + counts["errors"])}
