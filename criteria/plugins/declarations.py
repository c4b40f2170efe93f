"""What a criterion or a growth declares and nobody reads: found when it is loaded, since nothing else would tell."""

import dataclasses
import difflib
from typing import Any


def unread(plugin: Any) -> str | None:
    """What a class of a criterion or a growth declares in vain, and what would be right, in words; None if nothing."""
    from criteria.api import Criterion, Growth

    bases = [base for base in (Criterion, Growth) if issubclass(plugin, base)]
    known = {name for base in bases for name in vars(base) if name.startswith("requires_")}
    fields = {field.name for field in dataclasses.fields(plugin)} if dataclasses.is_dataclass(plugin) else set()
    if bases == [Growth] and hasattr(plugin, "observe"):
        return "defines observe(), which is called for criteria only; a growth remembers what score() or select() sees"
    if declared := sorted(fields & known):
        return f"has {declared[0]} as a parameter; write {declared[0]}: ClassVar[bool] = True"
    for name in sorted(name for name in dir(plugin) if name.startswith("requires_") and name not in known):
        meant = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
        return f"declares {name}, which nobody reads; did you mean {meant[0]}?"
    return None
