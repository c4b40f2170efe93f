"""Sessions: tests · contract · reproduce · check · lint · types. All share one environment, since torch is large."""

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True
SHARED = {"venv_location": ".venv", "reuse_venv": True}


def install(session: nox.Session) -> None:
    session.install("-q", "-e", ".[dev]")


@nox.session(**SHARED)
def tests(session: nox.Session) -> None:
    """Run the quick tests in parallel; `nox -s tests -- -m long` runs the long ones."""
    install(session)
    session.run("pytest", "-n", "auto", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(**SHARED)
def contract(session: nox.Session) -> None:
    """Check criteria against the contract: `nox -s contract -- NAME`, all of them by default."""
    install(session)
    session.run("dst-bench", "contract", *(session.posargs or ["--all"]))


@nox.session(**SHARED)
def reproduce(session: nox.Session) -> None:
    """Train, check and report experiments: `nox -s reproduce -- EXPERIMENT …`, `smoke` by default."""
    install(session)
    session.run("dst-bench", "reproduce", *(session.posargs or ["smoke"]))


@nox.session(**SHARED)
def check(session: nox.Session) -> None:
    """Compare stored results with the expected values: `nox -s check -- EXPERIMENT`, `smoke` by default."""
    install(session)
    session.run("dst-bench", "check", *(session.posargs or ["smoke"]))


@nox.session(**SHARED)
def lint(session: nox.Session) -> None:
    """Check format and style."""
    install(session)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session(**SHARED)
def types(session: nox.Session) -> None:
    """Check types."""
    install(session)
    session.run("mypy")
