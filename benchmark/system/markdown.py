"""Text as GitHub's Markdown shows it unchanged: names may have signs that would make a column, emphasis or a tag."""

import re
from collections.abc import Sequence

from tabulate import tabulate

SIGNS = re.compile(r"[\\|<>&*`~]|(?<!\w)_+|\](?=\()|\$")
"""What GitHub takes for more than itself; of underscores those that can begin emphasis, which none in a word does."""
DOLLAR = "<span>$</span>"
"""A dollar that begins no formula, as GitHub's manual has it: a backslash before it is one in a formula alone."""


def escaped(text: str) -> str:
    """A text that is shown as it is, in a cell of a table, in a title or in a sentence; line breaks become spaces."""
    return SIGNS.sub(_escape, re.sub(r"\s*[\r\n]\s*", " ", text))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], aligned: Sequence[str] | None = None) -> str:
    """A table whose cells are shown as they are; ``aligned`` says of each column ``left`` or ``right``."""
    cells = [[escaped(cell) for cell in row] for row in rows]
    titles = [escaped(header) for header in headers]
    return tabulate(cells, titles, tablefmt="github", disable_numparse=True, colalign=aligned)


def _escape(found: re.Match[str]) -> str:
    return DOLLAR if found[0] == "$" else "".join(f"\\{sign}" for sign in found[0])
