"""Why mutants survive that are known to: ``"<Plugin>_<Fault>"``, or ``"*_<Fault>"`` for all of one fault."""

REASONS: dict[str, str] = {
    "InProportion_UpsideDown": "its answers are drawn: only their distribution could tell that rows are swapped",
}


def reason_of(name: str) -> str:
    """Why the contract does not find this mutant, as far as it is known."""
    return REASONS.get(name) or REASONS.get(f"*_{name.rpartition('_')[2]}", "no reason is known")
