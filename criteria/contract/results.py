"""What came of a check."""

import textwrap
from dataclasses import dataclass
from typing import Literal

from criteria.contract.alone import Alone
from criteria.contract.properties import PROMISES
from criteria.contract.schedule_properties import SCHEDULE_PROMISES


@dataclass(frozen=True)
class Result:
    """What came of checking one property of one plugin."""

    property: str
    outcome: Literal["kept", "broken", "not checked"]
    reason: str = ""
    """How it is broken, or why it was not checked."""
    code: str = ""
    """Python that shows how it is broken."""
    partner: str | None = None
    """For updates: the growth that a criterion was checked with, or the criterion that a growth was."""
    scope: str | None = None
    """For updates: ``local`` or ``global``."""
    hung: bool = False
    """Whether it is broken because a call did not return."""
    alone: Alone = ""
    """What ``code`` does when it is run alone."""


class ContractError(AssertionError):
    """A plugin does not keep a promise; the message has the counterexample as code."""

    def __init__(self, plugin: str, result: Result) -> None:
        self.result = result
        super().__init__(f"{plugin} breaks {described(result)}")

    @property
    def property(self) -> str:
        """Name of the broken property."""
        return self.result.property


def described(broken: Result) -> str:
    """A broken property, what it promises, what was found instead, and the code that shows it."""
    partner = f" with {broken.partner} in {broken.scope} scope" if broken.partner else ""
    return (
        f"{broken.property}{partner}\n"
        f"promised: {(PROMISES | SCHEDULE_PROMISES)[broken.property]}\n"
        f"found: {broken.reason}\n"
        f"{_HOW_TO_SEE[broken.alone]}:\n\n{textwrap.indent(broken.code, '    ')}"
    )


_HOW_TO_SEE: dict[Alone, str] = {
    "": "counterexample, to be pasted and run",
    "fails": "counterexample, to be pasted and run",
    "fails at times": "counterexample, to be pasted and run more than once, since it does not fail every time",
    "passes": "counterexample, which does not fail when it is run alone: what was asked before made the difference",
}
