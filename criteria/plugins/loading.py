"""Making plugins from specs; the code of others runs where what it does to the process is undone."""

import functools
import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from criteria.errors import InputError, PluginError, one_line
from criteria.isolation import kept_process_state
from criteria.plugins.declarations import unread
from criteria.plugins.described import NotReadableError, parameters_of
from criteria.plugins.kinds import Kind, kind_of
from criteria.plugins.parameters import Declared, checked, declared_by
from criteria.plugins.registry import Registration, names, registration, unreadable
from criteria.plugins.spec import Spec, is_literal

_FLAGS = (
    "requires_grad",
    "requires_momentum",
    "requires_hessian_gradient",
    "requires_input_norms",
    "updates_before_optimizer",
)
"""What a training asks of a criterion or a growth beside its methods; each may be a property with code of its own."""


def load(spec: str | Spec, kind: str = "criterion", **parameters: Any) -> Any:
    """What a spec stands for: ``load("mest", lambda_=0.1)`` or ``load("mest(lambda_=0.1)")``.

    That is a new instance of the registered class; for a model it is the registered function with its parameters set,
    and for a claim what is registered. Raises :class:`InputError` for a name that is not registered, a plugin that
    cannot be imported and a parameter that it does not have or take; :class:`PluginError` where it fails while it is
    made.
    """
    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    made, what = plugin(spec.name, kind), _what(spec.name, kind)
    chosen = checked(what, _declared(spec.name, kind), {**dict(spec.parameters), **parameters})
    if kind_of(kind).registers == "function":
        return functools.partial(made, **chosen) if chosen else made
    if kind_of(kind).registers == "object":
        return made
    try:
        with kept_process_state():
            found = made(**chosen)
            for flag in _FLAGS:
                getattr(found, flag, None)
            return found
    except (TypeError, ValueError) as error:
        raise InputError(f"{kind_of(kind).noun} {spec}: {one_line(error, 500)}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may fail in any way, and end the program too
        raise PluginError(f"{what} cannot be made: {_failure(error)}") from error


def resolve(spec: str | Spec, kind: str = "criterion") -> Spec:
    """The spec in canonical form: a known plugin, checked parameters, and defaults left out.

    The plugin is imported only where its source does not tell its parameters, or has code that checks given values.
    Raises :class:`InputError` as :func:`load` does.
    """
    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    found = registration(spec.name, kind)
    try:
        declared = _parameters(found, defaults_only=not spec.parameters)
    except NotReadableError:
        return _resolved_by_making(spec, kind)
    return _without_defaults(spec, declared, checked(_what(spec.name, kind), declared, dict(spec.parameters)))


@cache
def _parameters(plugin: Registration, *, defaults_only: bool) -> dict[str, Declared]:
    return parameters_of(plugin, defaults_only=defaults_only)


def defaults(name: str, kind: str = "criterion") -> dict[str, Any]:
    """The values that the parameters of a plugin have where none is given; those that have to be given are left out.

    The plugin is imported only where its source does not tell. Raises :class:`InputError` as :func:`load` does.
    """
    try:
        declared = _parameters(registration(name, kind), defaults_only=True)
    except NotReadableError:
        declared = _declared(name, kind)
    return {key: each.default for key, each in declared.items() if not each.is_required}


def usable(kind: str = "criterion") -> list[str]:
    """Names of the plugins of ``kind`` that can be imported and made; the others are left out.

    A criterion and a growth have to work without parameters. What is made with parameters only, such as a model, counts
    as usable where it can be imported.
    """
    return [name for name in names(kind) if _fault(name, kind) is None]


def problems(kind: str = "criterion") -> dict[str, str]:
    """Why each plugin that :func:`usable` leaves out cannot be used, one line each, by its name.

    Distributions whose plugins are not known are there too.
    """
    faults = {name: _fault(name, kind) for name in names(kind)}
    return {**{name: fault for name, fault in faults.items() if fault is not None}, **unreadable()}


@cache
def plugin(name: str, kind: str = "criterion") -> Any:
    """The registered class or function; raises :class:`InputError` where it cannot be imported or is none."""
    found = registration(name, kind)
    what = f"{_what(name, kind)} ({found.value})"
    try:
        if found.kind.base is not None and found.kind.base.startswith("criteria"):
            import_module("torch")  # so that it is known what the plugin changes of it
        with kept_process_state():
            loaded = import_module(found.module)
            for part in filter(None, found.attribute.split(".")):
                loaded = getattr(loaded, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may fail in any way while it is imported, and end the program too
        raise InputError(f"{what} cannot be imported: {_failure(error)}") from error
    _require_kind(loaded, found.kind, what)
    if kind in ("criterion", "growth") and (problem := unread(loaded)) is not None:
        raise InputError(f"{what} {problem}")
    return loaded


def _resolved_by_making(spec: Spec, kind: str) -> Spec:
    made, declared = load(spec, kind), _declared(spec.name, kind)
    if kind_of(kind).registers != "class":
        return _without_defaults(spec, declared, checked(_what(spec.name, kind), declared, dict(spec.parameters)))
    # a class may bring a value into a form of its own
    return _without_defaults(spec, declared, {key: getattr(made, key, value) for key, value in spec.parameters})


def _without_defaults(spec: Spec, declared: Mapping[str, Declared], values: Mapping[str, Any]) -> Spec:
    given = dict(spec.parameters)
    kept = {key: value if is_literal(value) else given[key] for key, value in values.items()}
    return Spec(spec.name, tuple(sorted(pair for pair in kept.items() if not declared[pair[0]].is_default(pair[1]))))


def _declared(name: str, kind: str) -> dict[str, Declared]:
    found = plugin(name, kind)
    return {} if kind_of(kind).registers == "object" else declared_by(found, kind_of(kind).given)


def _fault(name: str, kind: str) -> str | None:
    """Why a plugin cannot be used by its name alone, or None."""
    try:
        if kind_of(kind).registers == "package":
            return None
        needs = [key for key, each in _declared(name, kind).items() if each.is_required]
        if kind_of(kind).by_name_alone or not needs:
            load(Spec(name), kind)
    except (InputError, PluginError) as error:
        return str(error)
    return None


def _require_kind(loaded: Any, kind: Kind, what: str) -> None:
    if kind.registers == "function":
        _require_function(loaded, kind, what)
    if kind.base is None:
        return
    if kind.registers == "class" and not isinstance(loaded, type):
        raise InputError(f"{what} is not a class")
    built_on = loaded if isinstance(loaded, type) else type(loaded)
    if kind.base not in {f"{cls.__module__}:{cls.__qualname__}" for cls in built_on.__mro__}:
        module, _, name = kind.base.partition(":")
        how = "is not built on" if kind.registers == "class" else f"is of type {built_on.__name__}, not"
        raise InputError(f"{what} {how} {name} of {module}, as every {kind.noun} is")


def _require_function(loaded: Any, kind: Kind, what: str) -> None:
    wanted = ", ".join(kind.given)
    if not callable(loaded) or isinstance(loaded, type):
        raise InputError(f"{what} is not a function of {wanted}")
    parameters = inspect.signature(loaded).parameters
    if missing := [name for name in kind.given if name not in parameters]:
        raise InputError(f"{what} does not take {' and '.join(missing)}; every {kind.noun} is a function of {wanted}")


def _what(name: str, kind: str) -> str:
    return f"{kind_of(kind).noun} {name!r}"


def _failure(error: BaseException) -> str:
    """What happened, with the type of the error, and where in the code of the plugin."""
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit {error.code!r})"
    return one_line(RuntimeError(repr(error)), 500)
