"""Pages of Markdown that people write, with parts between two marks that a command writes."""

from criteria.errors import InputError


def between_marks(text: str, first: str, last: str, content: str, place: object) -> str:
    """``text`` with ``content`` in place of what is between its lines ``first`` and ``last``.

    Raises :class:`InputError`, which names ``place``, for a text that lacks one of them.
    """
    if first not in text:
        raise InputError(f"{place}: there is no line {first}")
    start = text.index(first) + len(first)
    if (end := text.find(last, start)) < 0:
        raise InputError(f"{place}: the line {first} has no line {last} after it")
    return f"{text[:start]}\n\n{content}\n{text[end:]}"
