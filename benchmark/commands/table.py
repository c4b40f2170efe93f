"""Tables on stdout: by rich on a terminal, where lines are fitted to its width, and as plain text elsewhere."""

import sys
from collections.abc import Collection, Iterable, Sequence

from criteria.errors import printable


def print_table(
    rows: Iterable[Sequence[object]], headers: Sequence[str] = (), *, right: Collection[int] = (), title: str = ""
) -> None:
    """Print a table; the columns with the numbers ``right`` are set flush right.

    Its cells are shown as they are, also where they hold what rich or a terminal would take for a command.
    """
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from benchmark.commands.terminal_table import print_fitted

        print_fitted(texts, headers, right, title)
    else:
        _plain(texts, headers, right, title)


def _plain(rows: list[list[str]], headers: Sequence[str], right: Collection[int], title: str) -> None:
    from tabulate import tabulate

    columns = max([len(headers), *map(len, rows)])
    aligned = ["right" if column in right else "left" for column in range(columns)] if rows else None
    form = "simple" if headers else "plain"
    if title:
        print(title)
    print(tabulate(rows, headers, tablefmt=form, disable_numparse=True, colalign=aligned))
