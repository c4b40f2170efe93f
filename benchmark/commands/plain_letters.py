"""What is written in place of characters that the encoding of an output lacks, so that formulas stay what they say."""

import codecs
import unicodedata

NAME = "dst_bench_plain"
"""The name under which streams know :func:`plain`."""
_WRITTEN = {
    "·": "*",
    "×": "x",
    "−": "-",
    "±": "+/-",
    "√": "sqrt ",
    "Σ": "sum ",
    "∂": "d",
    "‖": "||",
    "½": "1/2",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "→": "->",
    "←": "<-",
    "–": "-",
    "—": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_RAISED = {"<super>": "^", "<sub>": "_"}
"""What stands before raised and lowered characters, by the kind of their decomposition in Unicode."""


def register() -> None:
    """Let streams take :data:`NAME` for what they do with characters that their encoding lacks."""
    codecs.register_error(NAME, _replaced)


def plain(text: str, start: int, end: int) -> str:
    """The characters of ``text`` from ``start`` to before ``end`` in ASCII; ``?`` for one that nothing stands for.

    Greek letters are spelled out, powers and indices follow ``^`` and ``_``, and accents are left out.
    """
    return "".join(_plain(text, place) for place in range(start, end))


def _plain(text: str, place: int) -> str:
    character = text[place]
    if character in _WRITTEN:
        return _WRITTEN[character]
    kind, _, name = unicodedata.name(character, "").partition(" ")
    if kind == "GREEK" and "LETTER" in name:
        letter = name.split()[name.split().index("LETTER") + 1].replace("LAMDA", "LAMBDA")  # as Unicode spells it
        apart = " " if text[place + 1 : place + 2].isalpha() else ""
        return (letter.lower() if character.islower() else letter.capitalize()) + apart
    mark = _mark(character)
    goes_on = place > 0 and _mark(text[place - 1]) == mark
    kept = "".join(_WRITTEN.get(each, each) for each in unicodedata.normalize("NFKD", character))
    return ("" if goes_on else mark) + (kept.encode("ascii", "ignore").decode() or "?")


def _mark(character: str) -> str:
    return _RAISED.get(unicodedata.decomposition(character).partition(" ")[0], "")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object, error.start, error.end), error.end
