"""What `nox -s` runs: tests, lint and types by default, campaigns for the contract, trainings, measurements.

All share one environment, ``.venv``: torch alone takes 5 GB.
"""

import os
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types"]

ENVIRONMENT = Path(__file__).parent / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
BEFORE_INSTALLING = (
    f"installing PyTorch and what else is needed into {ENVIRONMENT}: about 6 GB on the disk, which takes minutes, most "
    "of them for downloads; this happens once, and pip says how far it is"
)


def install(session: nox.Session) -> None:
    """Bring the shared environment up to date, where it was not made here from the pyproject.toml that is there now."""
    stamp, made_from = ENVIRONMENT / "made-from-pyproject.toml", _made_from()
    if stamp.exists() and stamp.read_bytes() == made_from and _runs("-c", ""):
        return
    session.log(BEFORE_INSTALLING)
    # none is there, its Python is gone, it was made without pip, or its programs start the Python of another one
    if not _runs("-m", "pip", "--version") or _is_copy(stamp):
        session.run_install(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT), external=True)
    # what is imported is compiled then; compiling all of the packages, most of which never is, takes a minute
    pip_install(session, "--no-compile", "-e", ".[dev]")
    stamp.write_bytes(made_from)
    session.log(f"installed; the command is {PROGRAMS / 'dst-bench'}")


def _made_from() -> bytes:
    """What the shared environment is made from: the place that its programs know, the Python of nox, the packages."""
    return f"{ENVIRONMENT.absolute()}\n{sys.version}\n".encode() + Path("pyproject.toml").read_bytes()


def _is_copy(stamp: Path) -> bool:
    """Whether the environment was made in another place and copied or moved here; a link is the other one itself."""
    if not stamp.exists() or ENVIRONMENT.is_symlink():
        return False
    place = Path(stamp.read_text("utf-8").partition("\n")[0])
    return place.is_absolute() and place != ENVIRONMENT.absolute()


def _runs(*arguments: str) -> bool:
    """Whether the shared environment's Python is there and ends well with these arguments."""
    try:
        return subprocess.run([str(PROGRAMS / "python"), *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def pip_install(session: nox.Session, *arguments: str) -> None:
    """Install into the shared environment, also with nox's ``--install-only``, which runs nothing else."""
    session.run_install(str(PROGRAMS / "python"), "-m", "pip", "install", *arguments, external=True)


def run(session: nox.Session, program: str, *arguments: str, **environment: str) -> None:
    """Run a program of the shared environment.

    What it imports is compiled once and kept, also where the user's environment says that Python should keep nothing:
    tests start hundreds of processes, each of which would compile for five seconds.
    """
    kept = {"PYTHONDONTWRITEBYTECODE": ""}
    session.run(str(PROGRAMS / program), *arguments, env=kept | environment, external=True)


def run_with_others(session: nox.Session, example: str, **environment: str) -> None:
    """Run an example that needs libraries of others; what these depend on is there, often in a later version.

    Threads wait as in dst-bench's own commands: asleep, because threads that spin after each of PyTorch's operations
    take the cores from other work.
    """
    install(session)
    pip_install(session, "-q", "--no-deps", "-r", f"examples/{example}/requirements.txt")
    run(session, "python", "-m", f"examples.{example}", *session.posargs, OMP_WAIT_POLICY="PASSIVE", **environment)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the quick tests in parallel; `nox -s tests -- -m long` runs the long ones."""
    install(session)
    run(session, "pytest", "-n", "auto", "--dist", "loadgroup", *session.posargs, OMP_NUM_THREADS="1")


@nox.session
def contract(session: nox.Session) -> None:
    """Check criteria against the contract: `nox -s contract -- NAME`, all of them by default."""
    install(session)
    run(session, "dst-bench", "contract", *(session.posargs or ["--all"]))


@nox.session
def reproduce(session: nox.Session) -> None:
    """Train, check and report experiments: `nox -s reproduce -- EXPERIMENT …`, `smoke` by default.

    By default on the dense engine, which trained the expected values.
    """
    install(session)
    run(session, "dst-bench", "reproduce", *(session.posargs or ["smoke", "--engine", "dense"]))


@nox.session
def check(session: nox.Session) -> None:
    """Compare stored results with the expected values: `nox -s check -- EXPERIMENT`, `smoke` by default."""
    install(session)
    run(session, "dst-bench", "check", *(session.posargs or ["smoke"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Time training, updates, the contract and startup, each beside a rival: `nox -s bench -- --json`."""
    install(session)
    run(session, "dst-bench", "bench", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Inject faults into right plugins and say which the contract catches: `nox -s mutants -- --examples 100`."""
    install(session)
    run(session, "python", "-m", "tests.contract.mutants", *session.posargs)


@nox.session
def attack(session: nox.Session) -> None:
    """Ask the contract about broken plugins, and about right but unusual ones: `nox -s attack -- --seeds 20`."""
    install(session)
    run(session, "python", "-m", "tests.contract.attack", *session.posargs)


@nox.session
def shipped(session: nox.Session) -> None:
    """Search all that is shipped for broken promises, long: `nox -s shipped -- --seeds 20`."""
    install(session)
    run(session, "python", "-m", "tests.contract.shipped", *session.posargs)


@nox.session
def libraries(session: nox.Session) -> None:
    """Point the contract for implementations at public libraries, installed for it: docs/libraries.md."""
    run_with_others(session, "libraries")


@nox.session
def peers(session: nox.Session) -> None:
    """Time sparse training on a CPU beside a public library, installed for it: `nox -s peers -- 0.05 0.1`.

    As in `dst-bench bench`, threads spin for a moment before they sleep, which suits everything that is timed.
    """
    run_with_others(session, "peers", GOMP_SPINCOUNT="100000")


@nox.session
def drawing(session: nox.Session) -> None:
    """Draw the architecture from the code into docs/architecture.md."""
    install(session)
    run(session, "python", "docs/draw_architecture.py")


@nox.session
def calibrate(session: nox.Session) -> None:
    """Show in simulated worlds what verdicts promise: `nox -s calibrate -- --full` makes the table of the docs."""
    install(session)
    run(session, "python", "-m", "benchmark.verdicts.calibration", *session.posargs, OMP_NUM_THREADS="1")


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style."""
    install(session)
    run(session, "ruff", "format", "--check", ".")
    run(session, "ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session)
    run(session, "mypy")


@nox.session
def gpu(session: nox.Session) -> None:
    """Get everything out of some minutes on a GPU: `nox -s gpu -- --budget 30m --out FOLDER`; see docs/gpu.md."""
    install(session)
    run(session, "dst-bench", "gpu", *session.posargs)
