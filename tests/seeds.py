"""A seed for tests that draw what they try: it changes with the code, so that a run that is repeated is the same."""

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def seed_of_code():
    """A seed that changes with any module of the project."""
    files = sorted(path for folder in ("benchmark", "criteria", "tests") for path in (ROOT / folder).rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).digest()
    return int.from_bytes(digest[:4], "big") % 10**6
