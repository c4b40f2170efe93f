"""The other process of :mod:`criteria.contract.elsewhere`: it forks for every plugin, and asks it there.

There a plugin's code runs as under ``python -O``, which leaves out what is asserted.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from typing import Any

import torch

from criteria.contract import case as recipes
from criteria.contract.asking import Answer, NoAnswer, answer
from criteria.contract.elsewhere import Question, Reply, class_of, received, send
from criteria.contract.numeric_settings import NUMERIC
from criteria.contract.replaced import functions_now, replaced
from criteria.contract.settings import SETTINGS, changed, set_other_thread_count, settings_now
from criteria.contract.surroundings import another_time
from criteria.errors import said

A_DAY_LATER = 12_345
"""The seed of the other time."""


def serve() -> None:
    """Answer questions until there are no more."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)  # a plugin may print
    with contextlib.suppress(EOFError):
        while True:
            asked, path = received(incoming)
            sys.path[:] = path
            if not hasattr(os, "fork"):
                send(outgoing, replied(asked))
                continue
            child = os.fork()
            if child == 0:
                _reply_and_exit(outgoing, asked)
            _, status = os.waitpid(child, 0)
            if status:
                send(outgoing, Reply(failure=f"the plugin ended its process with status {status}"))


def replied(asked: Question) -> Reply:
    """What the plugin answers here, and what was changed when it was imported and made."""
    try:
        with another_time(frozenset({asked.module}), A_DAY_LATER), _without_asserts(asked.module), torch.no_grad():
            return _replied(asked)
    except Exception as error:  # whatever goes wrong here says nothing about the plugin
        return Reply(failure=f"{type(error).__name__}: {said(error)}")


@contextlib.contextmanager
def _without_asserts(module: str) -> Iterator[None]:
    """A module, and those of its package, are compiled without ``assert`` where they are not imported yet."""
    package, as_usual = module.partition(".")[0], SourceFileLoader.get_code

    def optimised(loader: SourceFileLoader, name: str) -> Any:
        if name.partition(".")[0] != package:
            return as_usual(loader, name)
        path = loader.get_filename(name)
        return loader.source_to_code(loader.get_data(path), path, _optimize=1)

    SourceFileLoader.get_code = optimised  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        SourceFileLoader.get_code = as_usual  # type: ignore[method-assign]


def _replied(asked: Question) -> Reply:
    touched: dict[str, list[str]] = {}
    functions = functions_now()
    before = settings_now(NUMERIC)
    kind: Any = class_of(asked)
    touched[f"importing {asked.module}"] = changed(before)
    before = settings_now(SETTINGS)
    plugin = kind(**asked.parameters)
    touched["making it"] = changed(before)
    answers: list[Answer | None] = []
    for recipe in asked.recipes:
        try:
            answers.append(answer(plugin, eval(recipe, dict(vars(recipes)))))
        except NoAnswer:
            answers.append(None)
    touched["importing, making and asking it"] = replaced(functions, asked.module)
    return Reply(tuple(answers), touched)


def _reply_and_exit(outgoing: Any, asked: Question) -> None:
    status = 1
    try:
        set_other_thread_count()
        send(outgoing, replied(asked))
        status = 0
    finally:
        os._exit(status)
