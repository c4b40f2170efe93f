"""Making a plugin anew, as an experiment does for every network."""

import copy
import dataclasses
from typing import Any

from criteria.contract.asking import P


def parameters(plugin: object) -> dict[str, Any]:
    """The parameters that the plugin was made with; empty where its class has none."""
    kind: type = type(plugin)
    if not dataclasses.is_dataclass(kind):
        return {}
    return {field.name: getattr(plugin, field.name) for field in dataclasses.fields(kind) if field.init}


def made_anew(plugin: P) -> P | None:
    """Another instance of the plugin's class with its parameters; None where it cannot be made from these alone.

    Defaults are left to the class: instances may share one by mistake, and a copy would not.
    """
    fields = getattr(type(plugin), "__dataclass_fields__", {})
    given = {name: value for name, value in parameters(plugin).items() if value is not fields[name].default}
    try:
        return type(plugin)(**copy.deepcopy(given))
    except Exception:  # it wants more than its fields, or was changed after it was made
        return None
