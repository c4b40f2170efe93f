"""At seeds after the first the campaigns ask what is drawn, and all of that."""

from criteria.contract import checks, report, special
from criteria.contract.properties import SELECTION
from criteria.pruning.magnitude import Magnitude
from tests.contract.drawn import DRAWN, as_at_seed


def test_only_properties_without_drawn_cases_are_left_out() -> None:
    left_out = {each.name for each in SELECTION} - {each.name for each in DRAWN}
    assert left_out == {"unbiased_ties", "known_answers"}
    assert all(judge.cases and judge.besides is special.none for each in DRAWN for judge in each.judges)


def test_the_first_seed_asks_everything() -> None:
    with as_at_seed(0):
        assert checks.SELECTION is SELECTION
    with as_at_seed(1):
        assert checks.SELECTION is DRAWN
    assert checks.SELECTION is SELECTION


def test_a_fault_in_drawn_layers_is_found_and_one_in_large_layers_is_left_to_the_first_seed() -> None:
    class OneFewer(Magnitude):
        def select(self, layer, n):
            return super().select(layer, max(n - 1, 0))

    class OneFewerWhenLarge(Magnitude):
        def select(self, layer, n):
            return super().select(layer, n - (n > 1000))

    with as_at_seed(1):
        found = {cls: report(cls(), 5, seed=1) for cls in (OneFewer, OneFewerWhenLarge)}
    assert "exact_count" in {each.property for each in found[OneFewer] if each.outcome == "broken"}
    assert not [each for each in found[OneFewerWhenLarge] if each.outcome == "broken"]
