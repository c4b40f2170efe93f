"""What commands print with ``--json``: their findings as plain data, whose keys docs/json.md says."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

VERSION = 1
"""Rises when a key that was there goes or means something else; further keys may come without that."""


def document(content: Mapping[str, object]) -> str:
    """The JSON text of findings, which begins with its version."""
    return json.dumps({"version": VERSION, **{key: plain(value) for key, value in content.items()}}, indent=2)


def plain(value: object) -> Any:
    """Findings as plain data: further settings (``extra``) are an object, what is infinite or not a number is None."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {each.name: getattr(value, each.name) for each in fields(value)}
        return {key: plain(dict(each) if key == "extra" else each) for key, each in named.items()}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
