"""Trainings in any order of steps, updates, saves and loads: a rule-based state machine over two twins."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from criteria.contract.asking import Broken
from criteria.contract.process import Overtime, time_limit
from criteria.contract.strategies import fractions
from criteria.contract.training_properties import Episode, Load, Save, Start, Step, Train, Twins, Update


class TrainingMachine(RuleBasedStateMachine):
    """Drives the twins that ``begin`` makes, and hands ``note`` the episode that broke a promise."""

    def __init__(
        self,
        begin: Callable[[Start], Twins],
        starts: st.SearchStrategy[Start],
        seconds: float,
        note: Callable[[Episode, Broken | Overtime], None],
    ) -> None:
        super().__init__()
        self._begin, self._starts, self._seconds, self._note = begin, starts, seconds, note
        self._going = False

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """Begin two trainings."""
        start = data.draw(self._starts)
        self.episode = Episode(start)
        self.twins = self._begin(start)
        self._going = True

    @rule(gradient_scale=st.sampled_from([1.0, 0.0, 1e-30, 1e6]))
    def train(self, gradient_scale: float) -> None:
        """One optimizer step."""
        self._do(Train(gradient_scale))

    @rule(prune_fraction=fractions)
    def update(self, prune_fraction: float) -> None:
        """One topology update."""
        self._do(Update(prune_fraction))

    @rule()
    def save(self) -> None:
        """Write a checkpoint."""
        self._do(Save())

    @rule()
    def load(self) -> None:
        """Go on from the checkpoint."""
        self._do(Load())

    def teardown(self) -> None:
        """However a training went, it is resumed in the end: from where it was saved, and from where it came to."""
        for step in (Load(), Save(), Train(), Update(0.5), Load()):
            if self._going:
                self._do(step)

    def _do(self, step: Step) -> None:
        self.episode.steps.append(step)
        try:
            with time_limit(self._seconds):
                self.twins.do(step)
        except (Broken, Overtime) as broken:
            self._going = False
            self._note(self.episode, broken)
            raise
