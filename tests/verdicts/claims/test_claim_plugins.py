"""Claims of other distributions: judged after the paper's, and left out where they cannot be used."""

import pytest

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import (
    Claim,
    Judgement,
    above_zero,
    claim,
    claim_names,
    claim_problems,
    claims,
    installed_claims,
    judge_claims,
)
from benchmark.verdicts.claims.cases import STUDIED
from benchmark.verdicts.statistics.ordered import Interval


@claim("above-half", "Every network is right more often than wrong", where="a talk")
def above_half(samples, tolerance):
    """The least accuracy of all runs is above 50 percent."""
    least = min(value for values in samples.values() for value in values.values())
    return Judgement(above_zero(Interval(least - 50, least - 50, least - 50), tolerance), None, f"Least is {least:g}%")


def nothing_there(samples, tolerance):
    raise KeyError("a growth\nthat is not there")


def nothing_next(samples, tolerance):
    return next(cell for cell in samples if cell.criterion == "not there")


def ends(samples, tolerance):
    raise SystemExit(0)


def nonsense(samples, tolerance):
    return Judgement("nonsense", None, "It is")


def nonsense_without_snip(samples, tolerance):
    return Judgement("supported" if any(cell.criterion == "snip" for cell in samples) else "nonsense", None, "It is")


def words(samples, tolerance):
    return "supported"


BROKEN = {
    nothing_there: "KeyError: 'a growth",
    nothing_next: "StopIteration",
    ends: "it ends the program (SystemExit 0)",
    nonsense: "it gave the verdict 'nonsense'; there are supported, negligible, contradicted, undecided",
    nonsense_without_snip: "it gave the verdict 'nonsense'",
    words: "TypeError: it gave a str, and should give a Judgement or None",
}
misnamed = above_half
no_claim = 7
SAMPLES = {Cell(name, "random", density): {1: 80.0, 2: 81.0} for name in STUDIED for density in (0.05, 0.2)}


@pytest.fixture
def registered(site):
    """Registers further claims, by name and value."""

    def register(*points):
        lines = "".join(f"{name} = {value}\n" for name, value in points)
        site.install("more-claims", entry_points=f"[dst_bench.claims]\n{lines}")
        installed_claims.cache_clear()

    yield register
    installed_claims.cache_clear()


def test_the_papers_claims_are_installed_in_their_order():
    assert claim_names() == ["similar", "spread-grows", "magnitude-first", "beats-static", "beats-dense"]
    assert [each.id for each in installed_claims()] == claim_names()
    for each in installed_claims():
        assert isinstance(each, Claim)
        assert each.sentence
        assert each.where


def test_a_claim_of_another_distribution_is_judged_after_the_papers(registered):
    registered(("above-half", f"{__name__}:above_half"))
    assert claim_names()[-1] == "above-half"
    *papers, other = claims(SAMPLES, 1.0)
    assert [each.id for each in papers] == ["similar", "spread-grows", "magnitude-first"]
    assert (other.id, other.claim, other.where) == ("above-half", above_half.sentence, "a talk")
    assert (other.verdict, other.finding) == ("supported", "Least is 80%")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("gone", "no_such_module:claim", "cannot be imported: ModuleNotFoundError"),
        (
            "number",
            f"{__name__}:no_claim",
            "is of type int, not Claim of benchmark.verdicts.claims.api, as every claim is",
        ),
        ("other-name", f"{__name__}:misnamed", "claim 'other-name' has the id 'above-half'; register it under its id"),
        ("similar", f"{__name__}:above_half", "claim 'similar' is registered twice"),
    ],
)
def test_what_is_no_claim_is_named_and_left_out_and_stops_no_other(registered, name, value, problem):
    registered((name, value))
    assert problem in claim_problems()[name]
    assert "\n" not in claim_problems()[name]
    judged = [each.id for each in claims(SAMPLES, 1.0)]
    assert judged == [each for each in ("similar", "spread-grows", "magnitude-first") if each != name]


@pytest.mark.parametrize(("decide", "problem"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_claim_that_fails_is_named_and_left_out_and_stops_no_other(decide, problem, registered, monkeypatch):
    monkeypatch.setattr(f"{__name__}.failing", Claim("broken", "Nothing works", "a bug", decide), raising=False)
    registered(("broken", f"{__name__}:failing"))
    judged = judge_claims(SAMPLES, 1.0)
    assert [each.id for each in judged.outcomes] == ["similar", "spread-grows", "magnitude-first"]
    assert judged.left_out.keys() == {"broken"}
    assert judged.left_out["broken"].startswith(f"claim 'broken' failed while it was judged: {problem}")
    assert "\n" not in judged.left_out["broken"]


def test_what_a_claim_prints_is_for_people(registered, monkeypatch, capsys):
    chatty = Claim("chatty", "It talks", "a bug", lambda *_: print("said"))
    monkeypatch.setattr(f"{__name__}.chatty", chatty, raising=False)
    registered(("chatty", f"{__name__}:chatty"))
    judge_claims(SAMPLES, 1.0)
    assert capsys.readouterr() == ("", "said\n")
