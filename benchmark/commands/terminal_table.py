"""Tables fitted to the width of a terminal: no number is broken, and what has no room beside others goes below them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

LONGEST_WORD = 30
"""Letters up to which a word is kept whole; a name may also take half of the width."""
GAP = 2
"""Spaces between two columns, and those at both ends together."""


def print_fitted(rows: Sequence[Sequence[str]], headers: Sequence[str], right: Collection[int], title: str) -> None:
    """Print a table with as many columns beside each other as a terminal has room for, and the others below.

    The columns before the first of numbers, those of ``right``, say what a row is of, and are repeated. On a terminal
    that has no room for one number beside them, lines run on.
    """
    console = Console(highlight=False)
    labels = max(min(right, default=1), 1)
    columns = [
        _Column(
            headers[place] if headers else "",
            [row[place] if place < len(row) else "" for row in rows],
            is_number=place in right,
            is_name=place == 0,
        )
        for place in range(max([len(headers), *map(len, rows)]))
    ]
    if title:
        console.print(Text(title, style="bold"))
    width = console.width
    for block in _blocks(columns[:labels], columns[labels:], width):
        fitted = _fitted(block, width)
        console.width = max(width, sum(fitted) + GAP * len(fitted))
        console.print(_table(block, fitted, has_headers=bool(headers)))


@dataclass(frozen=True)
class _Column:
    """A column of texts under its header."""

    header: str
    cells: Sequence[str]
    is_number: bool
    is_name: bool

    @property
    def widest(self) -> int:
        """The letters that it has room for without breaking any line."""
        return max(map(cell_len, [self.header, *self.cells]))

    def least(self, width: int) -> int:
        """The letters that it needs on a terminal of some width: all of a number, of others the longest word."""
        if self.is_number:
            return max(map(cell_len, [*self.header.split(), *self.cells]), default=0)
        if self.is_name:
            return min(self.widest, max(width // 2, LONGEST_WORD))
        words = (word for text in (self.header, *self.cells) for word in text.split())
        return min(max(map(cell_len, words), default=0), LONGEST_WORD)


def _blocks(labels: Sequence[_Column], others: Sequence[_Column], width: int) -> list[list[_Column]]:
    """The columns in blocks that there is room for, each after the labels; a block has at least one column more."""
    blocks: list[list[_Column]] = [[*labels]]
    for column in others:
        taken = sum(each.least(width) + GAP for each in (*blocks[-1], column))
        if taken > width and len(blocks[-1]) > len(labels):
            blocks.append([*labels])
        blocks[-1].append(column)
    return blocks


def _fitted(block: Sequence[_Column], width: int) -> list[int]:
    """The width of each column: what it needs, and of what is left as much as it has use for, the first one first."""
    fitted = [column.least(width) for column in block]
    left = width - sum(fitted) - GAP * len(fitted)
    for place, column in enumerate(block):
        more = max(min(left, column.widest - fitted[place]), 0)
        fitted[place] += more
        left -= more
    return fitted


def _table(block: Sequence[_Column], widths: Sequence[int], *, has_headers: bool) -> Table:
    style = box.SIMPLE_HEAD if has_headers else None
    table = Table(box=style, show_header=has_headers, pad_edge=False, collapse_padding=True)
    for column, width in zip(block, widths, strict=True):
        table.add_column(
            Text(column.header),
            justify="right" if column.is_number else "left",
            overflow="fold",
            width=width,
            no_wrap=column.is_number,
        )
    for row in zip(*(column.cells for column in block), strict=True):
        table.add_row(*map(Text, row))
    return table
