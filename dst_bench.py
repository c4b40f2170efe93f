"""The ``dst-bench`` command: makes sure that our packages are the ones that Python finds, then hands over.

What is needed is imported inside, where an interruption is heard: the first moments are for imports.
"""

import sys

PACKAGES = ("benchmark", "criteria", "baselines")


def shadowed() -> str | None:
    """One line naming the first of our packages that another distribution or folder hides, or None."""
    from importlib.util import find_spec
    from pathlib import Path

    home = Path(__file__).resolve().parent
    for name in PACKAGES:
        spec = find_spec(name)
        found = None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent
        if found != home / name:
            where = found or "nowhere (a folder without __init__.py may hide it)"
            return (
                f"the package {name!r} of dst-bench is hidden: Python finds it at {where}; "
                f"it should be {home / name}. Uninstall the other distribution or change to another folder"
            )
    return None


def main() -> int:
    """Run the command line; returns the exit status."""
    try:
        problem = shadowed()
        if problem:
            print(f"dst-bench: {problem}", file=sys.stderr)
            return 2
        import threading

        before = threading.enumerate()
        from benchmark.commands.cli import main as run
        from benchmark.system.left_threads import ended

        return ended(run(), before)
    except KeyboardInterrupt:  # before the command could begin, which handles it from then on
        print("dst-bench: interrupted", file=sys.stderr)
        return 130
