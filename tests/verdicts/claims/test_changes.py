"""Stored verdicts on claims: a change is never unnoticed, and an honest rerun is not a failure."""

import datetime
import json

import numpy as np
import pytest

from benchmark.experiments.cells import Cell
from benchmark.verdicts.accepting import Evidence, accept, accept_study, revised
from benchmark.verdicts.check import check
from benchmark.verdicts.claims import claims, installed_claims
from benchmark.verdicts.claims.cases import STUDIED
from benchmark.verdicts.expected import Source, read_expected
from benchmark.verdicts.rendering import as_json, render
from criteria.errors import InputError
from tests.installed import unique
from tests.report.made_up import experiment, study_of

MEASURED = Source(kind="measured", version="0.1.0", torch="2.11.0", device="cpu", date=datetime.date(2026, 3, 14))


OWN = """
from benchmark.verdicts.claims import Interval, Judgement, claim

@claim("mine", "Mine is nice", where="a talk")
def mine(samples, tolerance):
    return Judgement("supported", Interval(2.0, 1.5, 2.5), "It is")
"""


FAILS = """
from benchmark.verdicts.claims import claim

@claim("mine", "Mine is nice", where="a talk")
def mine(samples, tolerance):
    return {}["gone"]
"""


@pytest.fixture
def own_claim(site):
    """Installs a claim named ``mine`` of this source, or uninstalls it where there is none."""

    def install(source):
        module = unique("own_claim")
        points = f"[dst_bench.claims]\nmine = {module}:mine\n" if source else ""
        site.install("own-claim", {f"{module}.py": source or ""}, points)
        installed_claims.cache_clear()

    yield install
    installed_claims.cache_clear()


def samples(magnitude=0.0, seeds=5, order=0):
    """A small experiment in which magnitude is so many points above the others."""
    generator = np.random.default_rng(order)
    cells = [Cell(name, "random", density) for name in STUDIED for density in (0.05, 0.2)]
    return {
        cell: dict(
            enumerate((80 + magnitude * (cell.criterion == "magnitude") + generator.normal(0, 0.2, seeds)).tolist(), 1)
        )
        for cell in cells
    }


def expecting(found, **changed):
    stored = {outcome.id: outcome.verdict for outcome in claims(found, 1.0)} | changed
    evidence = Evidence(found, MEASURED, claims=stored)
    return revised(None, evidence, experiment="example", metric="accuracy", tolerance=1.0)


def opposite(found, claim="magnitude-first"):
    verdict = {outcome.id: outcome.verdict for outcome in claims(found, 1.0)}[claim]
    return {claim: {"supported": "contradicted", "contradicted": "supported"}[verdict]}


def test_verdicts_that_are_those_stored_pass():
    outcome = check(samples(3.0), expecting(samples(3.0)))
    assert outcome.changes == ()
    assert outcome.exit_status(strict=True) == 0


def test_a_verdict_that_became_its_opposite_fails_whatever_the_cells_say():
    found = samples(3.0)
    outcome = check(samples(3.0, order=1), expecting(found, **opposite(found)))
    assert {row.verdict for row in outcome.rows} <= {"reproduced", "consistent"}
    assert outcome.overall == "deviates"
    assert outcome.exit_status() == 1
    assert render(outcome).splitlines()[-1] == ("deviates: claim magnitude-first: supported, stored is contradicted")


def test_a_verdict_that_changed_though_no_result_did_fails():
    found = samples(3.0)
    outcome = check(found, expecting(found, **{"magnitude-first": "undecided"}))
    assert outcome.exit_status() == 1


def test_a_claim_that_somebody_has_installed_since_differs_from_nothing(own_claim):
    found = samples(3.0)
    expected = expecting(found)
    own_claim(OWN)
    outcome = check(found, expected)
    assert "mine" in [each.id for each in outcome.claims]
    assert outcome.changes == ()
    assert outcome.exit_status(strict=True) == 0


@pytest.mark.parametrize(
    ("name", "hint"), [("mine", ""), ("simlar", "; did you mean 'similar'?")], ids=["somebody's own", "a typo"]
)
def test_a_stored_verdict_on_a_claim_that_is_not_installed_is_named_and_not_compared(name, hint):
    found = samples(3.0)
    outcome = check(found, expecting(found, **{name: "contradicted"}))
    assert (
        f"claim {name!r} is not installed, so its stored verdict, contradicted, is not compared{hint}"
        in outcome.warnings
    )
    assert outcome.changes == ()
    assert outcome.exit_status(strict=True) == 0


def test_a_claim_that_fails_is_named_and_its_stored_verdict_is_not_compared(own_claim):
    found = samples(3.0)
    own_claim(FAILS)
    outcome = check(found, expecting(found, mine="contradicted"))
    assert [each.id for each in outcome.claims] == ["similar", "spread-grows", "magnitude-first"]
    assert "claim 'mine' failed while it was judged: KeyError: 'gone'" in outcome.warnings
    assert outcome.changes == ()
    assert outcome.exit_status(strict=True) == 0


@pytest.mark.parametrize("source", [None, FAILS], ids=["not installed", "failing"])
def test_accepting_again_keeps_the_verdict_on_a_claim_that_cannot_be_judged_here(source, own_claim, tmp_path):
    path, study, said = tmp_path / "made-up.yaml", study_of(experiment()), []
    own_claim(OWN)
    accept_study(study, path, MEASURED.date)
    assert read_expected(path).claims["mine"] == "supported"
    own_claim(source)
    accept_study(study, path, MEASURED.date, say=said.append)
    assert read_expected(path).claims["mine"] == "supported"
    assert "the stored verdict on claim 'mine', supported, stays, because it was not judged" in said


def with_seeds(found, *seeds, shift=0):
    return {cell: {seed + shift: values[seed] for seed in seeds} for cell, values in found.items()}


def test_other_runs_that_are_too_few_to_decide_are_shown_and_only_fail_a_strict_check():
    outcome = check(with_seeds(samples(3.0), 1, shift=10), expecting(samples(3.0)))
    assert outcome.exit_status() == 0
    assert outcome.exit_status(strict=True) == 1
    assert "changed: claim magnitude-first: undecided, stored is supported" in render(outcome).splitlines()


def test_a_part_of_the_stored_seeds_is_compared_with_what_that_part_would_have_said():
    found = samples(3.0)
    outcome = check(with_seeds(found, 1), expecting(found))
    assert {each.verdict for each in outcome.claims} == {"undecided"}
    assert outcome.changes == ()
    assert outcome.exit_status(strict=True) == 0


def test_a_part_of_the_stored_seeds_whose_verdict_became_its_opposite_fails():
    found = samples(3.0)
    rerun = samples(3.0, order=1)
    for cell, values in rerun.items():
        if cell.criterion == "snip":
            values.update({seed: value + 6 for seed, value in values.items()})
    outcome = check(with_seeds(rerun, 1, 2, 3, 4), expecting(found))
    assert [str(change) for change in outcome.changes if change.deviates] == [
        "claim magnitude-first: contradicted, stored is supported"
    ]


def test_a_claim_without_data_is_shown():
    found = samples(3.0)
    fewer = {cell: values for cell, values in found.items() if cell.density == 0.05}
    assert "changed: claim spread-grows: no data, stored is negligible" in render(check(fewer, expecting(found)))


def test_a_file_that_stores_no_verdict_is_checked_as_before():
    found = samples(3.0)
    outcome = check(found, expecting(found).model_copy(update={"claims": {}}))
    assert outcome.changes == ()
    assert outcome.overall == "reproduced"
    assert [each.id for each in outcome.claims] == ["similar", "spread-grows", "magnitude-first"]


def test_the_json_has_the_claims_even_where_an_interval_has_no_end():
    found = samples(3.0, seeds=1)
    told = json.loads(as_json(check(found, expecting(found, similar="supported"))))
    assert [each["verdict"] for each in told["claims"]] == ["undecided"] * 3
    assert told["claims"][0]["effect"]["high"] is None
    assert told["claims"][1]["effect"] is None
    assert told["changes"] == [{"id": "similar", "stored": "supported", "found": "undecided", "deviates": True}]


def test_verdicts_are_written_read_back_and_kept_when_another_source_is_added(tmp_path):
    path = tmp_path / "example.yaml"
    verdicts = {"similar": "undecided", "beats-dense": "contradicted"}
    about = {"metric": "accuracy", "tolerance": 1.0}
    accept(Evidence(samples(), MEASURED, claims=verdicts), path, **about)
    assert "claims:\n  similar: undecided\n  beats-dense: contradicted\n" in path.read_text()
    accept(Evidence(samples(), Source(kind="published", reference="a paper"), "paper"), path, **about)
    assert read_expected(path).claims == verdicts
    accept(Evidence(samples(), MEASURED, claims={"similar": "supported"}), path, **about)
    assert read_expected(path).claims == {"similar": "supported"}


def test_a_verdict_that_does_not_exist_is_one_line_with_its_place(tmp_path):
    path = tmp_path / "example.yaml"
    evidence = Evidence(samples(), MEASURED, claims={"similar": "undecided"})
    accept(evidence, path, metric="accuracy", tolerance=1.0)
    path.write_text(path.read_text().replace("undecided", "perhaps"))
    with pytest.raises(InputError, match=r"claims\.similar: .*'supported'") as error:
        read_expected(path)
    assert "\n" not in str(error.value)
