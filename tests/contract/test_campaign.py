"""A campaign asks what is not known yet, and the evidence in the repository answers for the code that it belongs to."""

import argparse
import shutil
import time

import pytest

from tests.contract import campaign
from tests.contract.campaign import DECIDES, Campaign, code_digest, pack

QUESTIONS = ["one", "two", "three"]
MANY = 4000
"""Questions that take two processes minutes, so that one is left when a failure is seen, however late that is."""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, and no evidence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(campaign, "EVIDENCE", tmp_path / "evidence.jsonl.xz")


def options(anew: bool = False) -> argparse.Namespace:
    return argparse.Namespace(jobs=1, anew=anew)


def counting(asked: list[str]) -> Campaign:
    def ask(question: str) -> tuple[str, ...]:
        asked.append(question)
        return ("answer", question)

    return Campaign("counting", ask)


@pytest.mark.usefixtures("elsewhere")
def test_it_goes_on_where_it_was() -> None:
    asked: list[str] = []
    counting(asked).answers(QUESTIONS[:2], options())
    found = counting(asked).answers(QUESTIONS, options())
    assert asked == QUESTIONS
    assert [answer.says for answer in found] == [("answer", question) for question in QUESTIONS]


@pytest.mark.usefixtures("elsewhere")
def test_what_was_begun_by_a_line_that_is_cut_off_is_asked_again() -> None:
    asked: list[str] = []
    counting(asked).answers(QUESTIONS, options())
    file = counting(asked).file
    file.write_text(file.read_text()[:-20])
    counting(asked).answers(QUESTIONS, options())
    counting(asked).answers(QUESTIONS, options())
    assert asked == [*QUESTIONS, "three"]


@pytest.mark.usefixtures("elsewhere")
def test_evidence_answers_unless_it_is_asked_anew() -> None:
    asked: list[str] = []
    counting(asked).answers(QUESTIONS, options())
    file = counting(asked).file
    pack([file])
    file.unlink()
    counting(asked).answers(QUESTIONS, options())
    assert asked == QUESTIONS
    counting(asked).answers(QUESTIONS, options(anew=True))
    assert asked == QUESTIONS * 2


@pytest.mark.usefixtures("elsewhere")
def test_evidence_of_the_present_code_stays_where_answers_about_other_code_are_packed(monkeypatch) -> None:
    asked: list[str] = []
    for code in ("aaaa", "ffff", "cccc"):
        monkeypatch.setattr(campaign, "code_digest", lambda _, code=code: code)
        counting(asked).answers(QUESTIONS, options())
    pack(sorted(campaign.FOLDER.iterdir()))
    counting(asked).file.unlink()
    counting(asked).answers(QUESTIONS, options())
    assert asked == QUESTIONS * 3


def fails_at_the_first(question: str) -> tuple[str, ...]:
    if question == "0":
        raise ValueError("this question fails")
    time.sleep(0.05)
    return ("answer",)


@pytest.mark.usefixtures("elsewhere")
def test_in_several_processes_a_question_that_fails_ends_the_campaign_and_keeps_what_is_known() -> None:
    found = Campaign("failing", fails_at_the_first)
    with pytest.raises(ValueError, match="this question fails"):
        found.answers([str(number) for number in range(MANY)], argparse.Namespace(jobs=2, anew=False))
    assert len(found.known()) < MANY - 1


@pytest.mark.usefixtures("elsewhere")
def test_evidence_of_other_code_answers_nothing(monkeypatch) -> None:
    asked: list[str] = []
    counting(asked).answers(QUESTIONS, options())
    pack([counting(asked).file])
    monkeypatch.setattr(campaign, "code_digest", lambda _: "other code")
    counting(asked).answers(QUESTIONS, options())
    assert asked == QUESTIONS * 2


def test_what_a_campaign_does_not_depend_on_leaves_its_answers(monkeypatch, tmp_path) -> None:
    folder = tmp_path / "contract"
    shutil.copytree(campaign.HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(campaign, "HERE", folder)
    before = {name: code_digest.__wrapped__(name) for name in DECIDES}
    (folder / "operators/base.py").write_text("pass\n")
    after = {name: code_digest.__wrapped__(name) for name in DECIDES}
    assert [name for name in DECIDES if before[name] != after[name]] == ["mutants"]


def test_cases_that_are_the_same_at_every_seed_leave_the_answers_of_long_searches(monkeypatch, tmp_path) -> None:
    copied = tmp_path / "criteria"
    shutil.copytree(campaign.PLUGINS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    special = copied / "contract/special.py"
    monkeypatch.setattr(campaign, "PLUGINS", copied)
    monkeypatch.setattr(campaign, "AT_ANY_SEED", {"shipped": (special,)})
    before = {name: code_digest.__wrapped__(name) for name in DECIDES}
    special.write_text("pass\n")
    after = {name: code_digest.__wrapped__(name) for name in DECIDES}
    assert [name for name in DECIDES if before[name] == after[name]] == ["shipped"]
