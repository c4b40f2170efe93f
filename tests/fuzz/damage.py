"""What can happen to a file: strategies that give its content as it is afterwards."""

import json
import re

import yaml
from hypothesis import strategies as st

NASTY = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\t",
    b"\x1b[2J",
    "\u2028".encode(),
    "\ud800".encode("utf-8", "surrogatepass"),
    b"&a [*a]",
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"<<: {training: 1}\n",
    b"? [1]\n: 2\n",
    b"!!int ''",
    b"!!bool maybe",
    b"!!timestamp now",
    b"!!float ''",
    b"!!binary no",
    b"{!!int '': 1}",
    b"&x {a: *x}",
    b"!!python/object/apply:os.getcwd []",
    b"--- \n...\n",
    b"%YAML 9.9\n",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"1e999",
    b"NaN",
    b"-Infinity",
    b".nan",
    b"2026-13-45",
    b"../../../../etc/passwd",
]
"""What readers of YAML, JSON and lists of files have stumbled over."""

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**3), 10**3),
    st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 10**400]),
    st.floats(width=32) | st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e308, 5e-324]),
    st.text(max_size=6),
    st.sampled_from(["../up", "a/b", "", ".", "a\nb", "x" * 300, "\0", "\x85", "mest(lambda_=1e999)", "__import__"]),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(-3, 3), max_size=2),
    st.just({}),
)


@st.composite
def damaged_bytes(draw, whole):
    """The bytes of a file after a cut, flipped bits, inserted, lost, repeated or otherwise written bytes."""
    kinds = ["cut", "flip", "insert", "nasty", "lose", "repeat", "encode", "replace"]
    kind = draw(st.sampled_from(kinds))
    place = draw(st.integers(0, len(whole)))
    end = min(place + draw(st.integers(1, 64)), len(whole))
    match kind:
        case "cut":
            return whole[:place]
        case "flip":
            content = bytearray(whole)
            for bit in draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=4, unique=True)):
                content[bit // 8] ^= 1 << bit % 8
            return bytes(content)
        case "insert":
            return whole[:place] + draw(st.binary(min_size=1, max_size=16)) + whole[place:]
        case "nasty":
            if draw(st.booleans()):
                place = whole.find(b"\n", place) + 1  # where it can be a line of its own
            return whole[:place] + draw(st.sampled_from(NASTY)) + whole[place:]
        case "lose":
            return whole[:place] + whole[end:]
        case "repeat":
            return whole[:end] + whole[place:]
        case "encode":
            return whole.decode("latin-1").encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "cp037"])))
        case "replace":
            return draw(st.sampled_from([b"", b"\n", b"null", b"[]", b"{}", b'""', b"\x80\x04N."]) | st.binary())


@st.composite
def nasty_values(draw, whole):
    """A YAML or JSON file in which something that readers have stumbled over is where a value was, or at the end."""
    places = [match.span() for match in re.finditer(rb"(?<=[:-] )[^\n,\[\]{}]+", whole)]
    start, end = draw(st.sampled_from([*places, (len(whole), len(whole))]))
    return whole[:start] + draw(st.sampled_from(NASTY)) + whole[end:]


@st.composite
def damaged_values(draw, tree):
    """Parsed content of YAML or JSON, with some of its values or keys changed, lost or given elsewhere."""
    content = json.loads(json.dumps(tree, default=str))
    for _ in range(draw(st.integers(1, 3))):
        parent = content
        while True:
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            key = draw(st.sampled_from(keys))
            if not (isinstance(parent[key], dict | list) and parent[key] and draw(st.integers(0, 3))):
                break
            parent = parent[key]
        match draw(st.sampled_from(["value", "value", "value", "lose", "key", "list"])):
            case "value":
                parent[key] = draw(VALUES)
            case "lose":
                del parent[key]
            case "key" if isinstance(parent, dict):
                parent[draw(st.text(max_size=5))] = parent.pop(key)
            case _:
                parent[key] = [parent[key]] * draw(st.integers(0, 2))
        if not content:
            break
    return content


def damaged_yaml(whole):
    """A YAML file after damage to its bytes or to its values."""
    values = damaged_values(yaml.safe_load(whole)).map(lambda tree: yaml.dump(tree).encode())
    return damaged_bytes(whole) | nasty_values(whole) | values


def damaged_json(whole):
    """A JSON file after damage to its bytes or to its values."""
    values = damaged_values(json.loads(whole)).map(lambda tree: json.dumps(tree).encode())
    return damaged_bytes(whole) | nasty_values(whole) | values
