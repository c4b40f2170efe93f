"""Criteria and growths with one fault each, as people write them, to see whether the contract finds it.

Each module has one kind of fault, or a part of one, and says in ``EXPECT`` under which names of properties each of its
plugins may be reported. All are made without arguments. ``tests/contract/test_attack.py`` shows each fault without the
contract, and then asks the contract.
"""

from tests.contract.broken import aliasing, counts, growths, hidden, positions, reads, saving, settings, sizes, state

KINDS: dict[str, dict[type, set[str]]] = {
    "settings of the process": settings.EXPECT,
    "hidden inputs": hidden.EXPECT,
    "aliasing and identity": aliasing.EXPECT,
    "state and checkpoints": {**state.EXPECT, **saving.EXPECT},
    "size, time and shape": {**sizes.EXPECT, **counts.EXPECT},
    "equal scores and position": positions.EXPECT,
    "what it reads": reads.EXPECT,
    "growths": growths.EXPECT,
}

EXPECT: dict[type, set[str]] = {cls: names for kind in KINDS.values() for cls, names in kind.items()}
"""The names of properties that are a right answer, for each broken plugin."""

KIND_OF: dict[type, str] = {cls: kind for kind, classes in KINDS.items() for cls in classes}
