"""Findings: a study with everything that a report tells of it, each part of which is made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.report.figures.contrast import contrast_plot
from benchmark.report.figures.leaderboard import leaderboard_plot
from benchmark.report.figures.look import Images, Plot, images
from benchmark.report.figures.selection import standing_plots, study_plots
from benchmark.report.figures.styles import Styles, styles_of
from benchmark.report.leaderboard import Board, boards
from benchmark.report.remaking import Asked, commands
from benchmark.verdicts.check import check_study
from benchmark.verdicts.claims import ClaimOutcome, claims
from benchmark.verdicts.contrasts import Contrast, along_axes, between_experiments
from benchmark.verdicts.newcomers import standing_of
from benchmark.verdicts.standing import Standing
from benchmark.verdicts.stored_study import check_stored
from benchmark.verdicts.study import Study
from benchmark.verdicts.verdict import CheckOutcome
from criteria.errors import InputError


@dataclass(frozen=True)
class Findings:
    """What the results of a study, of which it has at least one, say; ``others`` are studies to compare it with."""

    study: Study
    others: Sequence[Study] = ()
    asked: Asked | None = None
    """What was asked for; None for the experiment of the study by its name."""

    @property
    def commands(self) -> list[str]:
        """The commands that make the page again."""
        return commands(self.study, self.others, self.asked or Asked(self.study.experiment.name))

    @cached_property
    def check(self) -> CheckOutcome | None:
        """The check against the expected values; None if there are none but those that the results are themselves."""
        if self.study.is_stored:
            return check_stored(self.study)
        return None if self.study.expected is None else check_study(self.study)

    @cached_property
    def standing(self) -> Standing | None:
        """Where the criteria stand among all that is known; None where there is too little to compare."""
        return standing_of(self.study)

    @cached_property
    def boards(self) -> list[Board]:
        """The leaderboard of each density."""
        return boards(self.study)

    @property
    def own_first(self) -> bool:
        """Whether the page begins with somebody's own criterion."""
        return bool(self.study.newcomers) and self.standing is not None

    @cached_property
    def styles(self) -> Styles:
        """The look of each criterion that figures show."""
        return styles_of([*self.study.cells, *self.study.known])

    @cached_property
    def plots(self) -> list[Plot]:
        """The figures of the results, in the order of the page."""
        return study_plots(self.study)

    @cached_property
    def standing_plots(self) -> list[Plot]:
        """The figures of the standing; none without one."""
        return [] if self.standing is None else standing_plots(self.study, self.standing, self.styles)

    @cached_property
    def leaderboard_plot(self) -> Plot | None:
        """The figure of the leaderboard; None where there is too little for one."""
        return leaderboard_plot(self.boards)

    @cached_property
    def contrast_plots(self) -> list[Plot]:
        """The figure of each of the contrasts."""
        return [contrast_plot(contrast, self.styles) for contrast in self.contrasts]

    def images(self, plot: Plot) -> Images:
        """The images of one of the figures, whose names tell them apart; each is drawn once."""
        if plot.name not in self._drawn:
            self._drawn[plot.name] = images(plot)
        return self._drawn[plot.name]

    @cached_property
    def _drawn(self) -> dict[str, Images]:
        return {}

    @cached_property
    def claims(self) -> tuple[ClaimOutcome, ...]:
        """The claims that the experiment has data for."""
        return claims(self.study.claimed, self.study.experiment.tolerance)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """What single changes do: contrasts within the experiment, then those with the other studies.

        Raises :class:`InputError` for a study that it cannot be compared with, and for two whose names are the same:
        figures and files are told apart by them.
        """
        within = along_axes(self.study.samples, self.study.cells)
        found = [*within, *(between_experiments(self.study, other) for other in self.others)]
        names = [each.name for each in found]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(
                f"{len(twice)} comparisons would have the name {twice[0]}, so one would be written over another; "
                "name each experiment once, and give each a name of its own"
            )
        return found
