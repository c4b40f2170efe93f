"""Criteria and growths that are right but unusual: the contract may blame none of them.

Each docstring says what is unusual and why every promise is kept all the same. ``RIGHT`` lists the classes by what is
unusual about them; all of them are made without arguments.
"""

from tests.contract.right import averages, growths, histories, numbers, processes, reads, selections

RIGHT: dict[str, tuple[type, ...]] = {
    "numbers": numbers.RIGHT,
    "selections": selections.RIGHT,
    "what is read": reads.RIGHT,
    "the process": processes.RIGHT,
    "averages": averages.RIGHT,
    "histories": histories.RIGHT,
    "growths": growths.RIGHT,
}

ALL_RIGHT: tuple[type, ...] = tuple(cls for classes in RIGHT.values() for cls in classes)
