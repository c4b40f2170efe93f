"""Which plugins the installed distributions register, without importing any of them.

The files ``entry_points.txt`` are read one distribution at a time, because one that is damaged must not hide the
plugins of the others.
"""

import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, distribution, distributions
from pathlib import Path

from criteria.errors import InputError, one_line, printable
from criteria.plugins.kinds import KINDS, Kind, kind_of, unknown
from criteria.plugins.sources import folders_of
from criteria.plugins.spec import NAME

_OURS = "dst_bench."
"""What the names of all our entry-point groups start with."""


@dataclass(frozen=True)
class Registration:
    """A plugin as a distribution registers it."""

    kind: Kind
    name: str
    value: str
    """Where the plugin is: ``module:attribute``, or a package for experiments."""
    distribution: str
    version: str
    source: Distribution = field(compare=False, repr=False)
    others: tuple[str, ...] = ()
    """Further values that are registered under the same name and kind; then nobody knows which one is meant."""

    @property
    def module(self) -> str:
        """The module that the plugin is registered from."""
        return self.value.partition(":")[0].strip()

    @property
    def attribute(self) -> str:
        """The plugin's name in that module."""
        return self.value.partition(":")[2].partition("[")[0].strip()

    @property
    def folders(self) -> list[Path]:
        """The folders of the packages that are registered, for plugins that are packages; none is imported."""
        packages = (value.partition(":")[0].strip() for value in (self.value, *self.others))
        return [folder for package in packages for folder in folders_of(package)]

    @cached_property
    def summary(self) -> str:
        """What the plugin is: the first line of its docstring, or in brackets why it cannot be read."""
        from criteria.plugins.described import summary_of

        return summary_of(self)


def registered(kind: str = "criterion") -> dict[str, Registration]:
    """The plugins of ``kind`` by name, sorted; names that cannot be written in a spec are left out."""
    return _registered(tuple(sys.path))[0][kind_of(kind).name]


def names(kind: str = "criterion") -> list[str]:
    """Names of the registered plugins of ``kind``, sorted. Some may turn out not to be usable: see :func:`usable`."""
    return list(registered(kind))


def summaries(kind: str = "criterion") -> dict[str, str]:
    """The first docstring line of each plugin of ``kind`` by name, read from its source without importing it."""
    return {name: each.summary for name, each in registered(kind).items()}


def unreadable() -> dict[str, str]:
    """Why the registrations of some distributions are not known: a line for each, by what it is about."""
    return dict(_registered(tuple(sys.path))[1])


def registration(name: str, kind: str) -> Registration:
    """The one plugin of this name; raises :class:`InputError` where there is none, or more than one."""
    found = registered(kind)
    noun = kind_of(kind).noun
    if name not in found:
        error, lost = unknown(noun, name, found), unreadable()
        raise InputError(f"{error} ({'; '.join(lost.values())})") if lost else error
    if found[name].others:
        values = " and ".join((found[name].value, *found[name].others))
        raise InputError(f"{noun} {name!r} is registered twice, as {values}; uninstall one of them")
    return found[name]


@cache
def _registered(path: tuple[str, ...]) -> tuple[dict[str, dict[str, Registration]], dict[str, str]]:  # noqa: ARG001
    groups = {kind.group: kind for kind in KINDS.values()}
    found: dict[str, dict[str, Registration]] = {name: {} for name in KINDS}
    lost: dict[str, str] = {}
    for dist in _concerned():
        name = _name(dist)
        try:
            points = [point for point in dist.entry_points if point.group in groups]
            version = printable(str(dist.version))
        except Exception as error:  # whatever stands in the files of others
            lost[f"distribution {name}"] = (
                f"the plugins of distribution {name} are not known, because its metadata cannot be read "
                f"({one_line(error)})"
            )
            continue
        for point in points:
            if NAME.fullmatch(point.name) is None:
                lost[f"distribution {name}: {point.name}"] = (
                    f"distribution {name} registers {point.name!r}, which is no name for a plugin: a name is made of "
                    "letters, digits, underscores, dots and dashes, and starts with none of the last two"
                )
                continue
            _add(found[groups[point.group].name], groups[point.group], point, (name, version, dist))
    return {kind: dict(sorted(plugins.items())) for kind, plugins in found.items()}, lost


def _add(
    plugins: dict[str, Registration], kind: Kind, point: EntryPoint, origin: tuple[str, str, Distribution]
) -> None:
    there = plugins.get(point.name)
    if there is None:
        plugins[point.name] = Registration(kind, point.name, point.value, *origin)
    elif point.value not in (there.value, *there.others):
        values = (there.value, *there.others, point.value)
        plugins[point.name] = Registration(kind, point.name, values[0], *origin, others=values[1:])


def _concerned() -> list[Distribution]:
    """The distributions that name one of our groups; where two are of the same name, the one that Python would find."""
    found: dict[str, Distribution] = {}
    for dist in distributions():
        try:
            text = dist.read_text("entry_points.txt") or ""
            if _OURS not in text:
                continue
            name = _name(dist)
            found.setdefault(name, distribution(name) if name != "?" else dist)
        except Exception:  # it cannot be read at all, so there is nothing to be said of it
            continue
    return list(found.values())


def _name(dist: Distribution) -> str:
    try:
        return printable(str(dist.metadata["Name"] or "?"))
    except Exception:
        return "?"
