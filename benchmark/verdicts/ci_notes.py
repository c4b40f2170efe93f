"""What continuous integration reads beside checks: that nothing could be checked, and that a plugin is broken."""

from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from benchmark.system.workflow_command import workflow_command
from criteria.errors import printable


@dataclass(frozen=True)
class Note:
    """Something that is told as a test which was skipped or failed."""

    suite: str
    case: str
    kind: Literal["skipped", "failure"]
    text: str
    """What happened; its first line says it, and others show it."""

    @property
    def line(self) -> str:
        """The first line of the text."""
        return self.text.partition("\n")[0]


def unchecked(experiment: str, reason: str) -> Note:
    """Nothing of an experiment was checked, for this reason."""
    return Note(f"dst-bench check {experiment}", "expected values", "skipped", f"nothing was checked: {reason}")


def broken(command: str, error: Exception) -> Note:
    """A plugin broke its contract or failed, which ended this command."""
    text = "\n".join(map(printable, str(error).split("\n")))
    return Note(f"dst-bench {command}", "contract", "failure", text)


def github_line(note: Note) -> str:
    """A workflow command, which GitHub shows as a note: an error for a failure, else a warning."""
    title = note.suite.removeprefix("dst-bench check ")
    return workflow_command("error" if note.kind == "failure" else "warning", title, note.line)


def suite_of(note: Note) -> ElementTree.Element:
    """A suite of JUnit's with one test, which the note is."""
    counts = {kind: str(int(note.kind == kind)) for kind in ("failure", "skipped")}
    suite = ElementTree.Element(
        "testsuite", name=note.suite, tests="1", failures=counts["failure"], skipped=counts["skipped"]
    )
    case = ElementTree.SubElement(suite, "testcase", classname=note.suite.replace(" check ", "."), name=note.case)
    ElementTree.SubElement(case, note.kind, message=note.line).text = note.text
    return suite
