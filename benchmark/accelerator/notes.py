"""The file of a part: what was found of each of its items, written after every one. Nothing here imports torch."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.system.duration import duration
from benchmark.system.files import read_text, write_atomically
from criteria.errors import InputError

DONE, UNFINISHED, SKIPPED, FAILED = "done", "unfinished", "skipped", "failed"
"""The states of a part, and, without ``unfinished``, of an item; a part is done where each of its items has ended."""


@dataclass
class Notes:
    """What is known of a part."""

    path: Path
    part: str
    state: str = UNFINISHED
    reason: str = ""
    """Why the part is not done."""
    seconds: float = 0.0
    """That its process ran, over all calls."""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By key: ``state``, ``seconds``, and ``found`` or ``reason``."""
    running: dict[str, Any] | None = None
    """The item that is under way: ``item``, ``since`` (seconds since the epoch) and ``limit``."""

    def found(self, key: str) -> dict[str, Any] | None:
        """What was found of an item; None where nothing was."""
        found: dict[str, Any] | None = self.items.get(key, {}).get("found")
        return found

    def begin(self, key: str, limit: float) -> None:
        """Note that an item is under way, so that whoever finds this process dead knows what it was at."""
        self.running = {"item": key, "since": time.time(), "limit": limit}
        self._write_data()

    def end(self, key: str, state: str, **found: Any) -> None:
        """Note what came of an item."""
        began = time.time() if self.running is None else self.running["since"]
        self.items[key] = {"state": state, "seconds": round(time.time() - began, 2), **found}
        self.running = None
        self.write()

    def forget(self, *, failed_only: bool) -> None:
        """Forget what was found, or only that items have failed, so that these are tried again."""
        kept = {key: item for key, item in self.items.items() if failed_only and item["state"] != FAILED}
        if kept != self.items or self.state == FAILED:
            self.items, self.state, self.reason = kept, UNFINISHED, ""
            self.write()

    @property
    def deviating(self) -> list[str]:
        """The items that came out otherwise than they should."""
        return [key for key, item in self.items.items() if item.get("found", {}).get("deviates")]

    @property
    def failing(self) -> list[str]:
        """The items that failed."""
        return [key for key, item in self.items.items() if item["state"] == FAILED]

    @property
    def line(self) -> str:
        """How the part stands, in words."""
        states = [item["state"] for item in self.items.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in (DONE, FAILED, SKIPPED) if state in states)
        wrong = f"; not as it should be: {', '.join(self.deviating)}" if self.deviating else ""
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.part}: {self.state}{why}; items: {counts or 'none'}{wrong}; {duration(self.seconds)}"

    def write(self) -> None:
        """Write the file, and beside it the same as a text for people."""
        self._write_data()
        write_atomically(self.path.with_suffix(".txt"), self.text())

    def _write_data(self) -> None:
        content = {name: value for name, value in vars(self).items() if name != "path"}
        write_atomically(self.path, json.dumps(content, indent=1, default=str) + "\n")

    def text(self) -> str:
        """The same for people."""
        lines = [self.line, ""]
        for key, item in self.items.items():
            lines.append(f"{key}: {item['state']}, {item['seconds']:.1f} s")
            lines += _shown(item.get("found", {})) if "found" in item else [f"    {item.get('reason', '')}"]
        return "\n".join(lines) + "\n"


def _shown(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in found.items():
        if isinstance(value, str) and "\n" in value:
            lines += [f"    {name}:", *(f"        {line}" for line in value.splitlines())]
        else:
            lines.append(f"    {name}: {f'{value:.6g}' if isinstance(value, float) else value}")
    return lines


def notes_of(folder: Path, part: str) -> Notes:
    """What is known of a part; raises :class:`InputError` for a file that is not one of ours."""
    path = folder / f"{part}.json"
    if not path.exists():
        return Notes(path, part)
    try:
        found = Notes(path, **json.loads(read_text(path)))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: no file of the part {part} ({error}); delete it") from error
    if found.part != part:
        raise InputError(f"{path}: no file of the part {part}, it is of {found.part!r}; delete it")
    return found
