"""Workflow commands: lines by which a job tells GitHub's Actions what to show as a note."""

from typing import Literal

_IN_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTIES = _IN_DATA | str.maketrans({":": "%3A", ",": "%2C"})


def workflow_command(kind: Literal["error", "warning"], title: str, text: str) -> str:
    """The line that shows ``text`` under ``title``; what would separate its parts is written as GitHub has it."""
    return f"::{kind} title={title.translate(_IN_PROPERTIES)}::{text.translate(_IN_DATA)}"
