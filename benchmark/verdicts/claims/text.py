"""Claims as plain text."""

import math
from collections.abc import Sequence

from tabulate import tabulate

from benchmark.verdicts.claims.api import ClaimOutcome
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ordered import Interval

WIDTH = 100
"""Columns of the text."""


def render_claims(outcomes: Sequence[ClaimOutcome]) -> str:
    """The claims as a table, each with its verdict, its effect and what was found."""
    rows = [[each.id, each.verdict, _shown(each.effect), _told(each)] for each in outcomes]
    headers = ["claim", "verdict", f"effect\n{CONFIDENCE:.0%} interval", "what was found"]
    padded = [header.replace("\n", "  \n") + "  " for header in headers]  # as tabulate does
    columns = zip(padded, *rows, strict=True)
    widths = [max(len(line) for text in column for line in text.splitlines()) for column in columns][:-1]
    left = WIDTH - sum(2 + width for width in widths)
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, maxcolwidths=[*widths, left])


def _shown(effect: Interval | None) -> str:
    if effect is None:
        return "-"
    ends = " to ".join(f"{end:+.2f}" if math.isfinite(end) else "?" for end in (effect.low, effect.high))
    return f"{effect.value:+.2f}\n{ends}"


def _told(each: ClaimOutcome) -> str:
    """The claim, what was found, and what the verdict hangs on."""
    return " ".join([f"{each.claim} ({each.where}). {each.finding}.", each.firmness]).rstrip()
