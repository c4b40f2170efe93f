"""The leaderboard: every method with its place and its costs, also where only part of it has run."""

from dataclasses import replace

import pytest

from benchmark.commands.cli import main
from benchmark.experiments.outcome import Flops, Measured
from benchmark.experiments.results import ResultsFolder
from benchmark.report.figures.leaderboard import chosen, leaderboard_plot
from benchmark.report.figures.look import LIGHT
from benchmark.report.findings import Findings
from benchmark.report.leaderboard import boards, markdown
from benchmark.report.leaderboard_file import write_leaderboard
from benchmark.report.sections.leaderboard import SECTION
from benchmark.verdicts.study import Study
from criteria.errors import InputError
from tests.report.made_up import drawn, experiment, results_of

MADE = experiment(criteria=("magnitude", "set"), densities=(0.1, 0.2), seeds=(1, 2, 3))
BEST = {"static": 70.0, "dense": 90.0, "magnitude": 80.0, "set": 75.0}


def accuracy(run):
    """Gradient growth is five points better, doubling the density one; seeds differ by a tenth."""
    better = 5 * (run.cell.growth == "gradient") + (run.cell.density == 0.2)
    return BEST[run.cell.criterion] + better + run.seed / 10


def measured(run, result):
    share = run.cell.density * (1.1 if run.cell.growth == "gradient" else 1)
    flops = Flops(round(1000 * run.cell.density), 1000, round(share * 1e9), 10**9)
    outcome = replace(result.outcome, measured=Measured({"fc1.weight": 10}, {"fc1.weight": 0.5}, {}, flops))
    return run, result.model_copy(update={"outcome": outcome})


def study(without=lambda cell: False, runs=lambda run: True):
    found = [measured(*pair) for pair in results_of(MADE, accuracy=accuracy, without=without) if runs(pair[0])]
    return Study(MADE, tuple(found))


def labels(board):
    return [entry.cell.label for entry in board.entries]


def test_methods_of_all_growths_and_baselines_of_a_density_are_ranked_together():
    low, high = boards(study())
    assert (low.density, high.density) == (0.1, 0.2)
    wanted = ["dense", "magnitude · gradient", "magnitude · random", "set · gradient", "set · random", "static"]
    assert sorted(labels(low)) == sorted(wanted)
    assert labels(low)[:2] == ["dense", "magnitude · gradient"]
    ranks = {entry.cell.label: entry.rank for entry in low.entries}
    assert ranks["dense"] is None
    assert [ranks[label].rank for label in ("magnitude · gradient", "static")] == [1, 5]
    assert all(row.rank_low <= row.rank <= row.rank_high for row in ranks.values() if row)


def test_a_baseline_with_all_weights_is_not_on_a_board_that_it_is_on_with_fewer():
    made = experiment(criteria=("magnitude", "set"), densities=(0.1, 1.0))
    (board,) = boards(Study(made, tuple(results_of(made, accuracy=accuracy))))
    baselines = [(entry.cell.label, entry.cell.density) for entry in board.entries if entry.cell.growth is None]
    assert sorted(baselines) == [("dense", 1.0), ("static", 0.1)]


def test_a_row_has_the_interval_of_its_mean_and_what_the_method_costs():
    entry = next(entry for entry in boards(study())[0].entries if entry.cell.label == "set · gradient")
    assert entry.mean == pytest.approx(80.2)
    low, high = entry.interval
    assert high - entry.mean == entry.mean - low == pytest.approx(4.303 * 0.1 / 3**0.5, abs=1e-3)
    assert entry.flops == pytest.approx((0.11e9, 0.11, 100, 0.1))
    assert entry.seconds == {"dense": 30.0}


def test_the_interval_of_a_mean_holds_no_accuracy_below_nothing_or_above_all():
    entry = next(entry for entry in boards(study())[0].entries if entry.cell.label == "set · gradient")
    assert replace(entry, values={1: 10.0, 2: 76.0, 3: 10.0}).interval[0] == 0
    assert replace(entry, values={1: 99.0, 2: 100.0, 3: 99.0}).interval[1] == 100


def test_part_of_the_runs_makes_part_of_the_rows_and_says_which_are_missing():
    found = study(
        without=lambda cell: cell.label == "set · random" or (cell.label == "static" and cell.density == 0.2),
        runs=lambda run: not (run.cell.label == "set · gradient" and run.seed > 1),
    )
    low, high = boards(found)
    assert (low.missing, high.missing) == (["set · random"], ["static", "set · random"])
    few = next(entry for entry in low.entries if entry.cell.label == "set · gradient")
    assert (few.rank, few.interval) == (None, None)  # with one seed of three nothing is ranked
    text = markdown(found, [low, high])
    assert "1 without a result: set · random." in text
    assert "20 of 33 runs" in text


def of_seeds(seeds_of):
    """The first board of a study in which a method has these seeds, else 1, 2 and 3."""
    made = experiment(criteria=("magnitude", "set"), densities=(0.1,), seeds=range(1, 7))
    found = [
        measured(run, result)
        for run, result in results_of(made, accuracy=accuracy)
        if run.seed in seeds_of.get(run.cell.label, (1, 2, 3))
    ]
    whole = Study(made, tuple(found))
    return boards(whole)[0], " ".join(markdown(whole, boards(whole)).split())


def test_a_method_with_more_seeds_than_the_others_takes_the_rank_from_none():
    board, text = of_seeds({"set · gradient": range(1, 7)})
    ranks = {entry.cell.label: (entry.rank.rank, entry.rank.n) for entry in board.methods}
    assert ranks == {
        "magnitude · gradient": (1, 3),
        "set · gradient": (2.5, 3),  # the same mean of these three seeds, not of its six
        "magnitude · random": (2.5, 3),
        "set · random": (4, 3),
        "static": (5, 3),
    }
    assert "ranks are of 1, 2, 3, which compare most runs; the accuracy of set · gradient is of more seeds" in text
    assert "Methods have different seeds" not in of_seeds({})[1]


def test_two_methods_of_which_one_has_twice_the_seeds_are_ranked():
    only = dict.fromkeys(("magnitude · random", "set · random", "static"), ())
    board, _ = of_seeds({**only, "set · gradient": range(1, 7)})
    assert [(entry.rank.rank, entry.rank.n) for entry in board.methods] == [(1, 3), (2, 3)]


def test_methods_that_lack_a_seed_of_the_ranks_have_none_and_are_named():
    board, text = of_seeds({"set · gradient": (1, 2, 3, 4), "set · random": (1,), "static": (5, 6)})
    assert {entry.cell.label for entry in board.methods if entry.rank is None} == {"set · random", "static"}
    assert "; set · random, static lack some, and so a rank." in text


def test_methods_without_common_seeds_are_said_to_have_no_rank():
    labels = ["magnitude · gradient", "set · gradient", "magnitude · random", "set · random", "static"]
    board, text = of_seeds({label: (seed,) for seed, label in enumerate(labels, start=1)})
    assert all(entry.rank is None for entry in board.entries)
    assert "No method has a rank, since no other has all of its seeds." in text


def test_the_table_of_one_run_alone_is_written_too(tmp_path):
    one = study(runs=lambda run: (run.cell.label, run.cell.density, run.seed) == ("static", 0.1, 1))
    write_leaderboard(tmp_path / "field.md", one)
    assert "| static |" in " ".join((tmp_path / "field.md").read_text().split())


def test_a_criterion_alone_is_set_beside_nothing():
    assert SECTION.wants(Findings(study()))
    assert not SECTION.wants(Findings(study(runs=lambda run: run.cell.criterion == "set")))


def legend_of(figure):
    """The lines that the legend of a figure shows, by name."""
    (legend,) = figure.legends
    return {text.get_text(): line for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}


def below_dense(found):
    return [entry for board in boards(found) for entry in board.entries if entry.cell.density < 1]


def test_the_figure_has_both_panels_and_names_the_best_method_first():
    assert chosen(below_dense(study()))[0] == "magnitude · gradient"
    figure = drawn(leaderboard_plot(boards(study())))
    assert [ax.get_xlabel()[:8] for ax in figure.axes] == ["density ", "training"]


def eight_densities():
    """A study in which static is never far away, each density but two has a best of its own, and the last the best."""
    densities = [round(0.1 * (1 + n), 1) for n in range(8)]
    names = ("magnitude", "set", "mest", "snip", "random", "grasp", "taylor_fo", "wanda")
    made = experiment(criteria=names, growths=("random",), densities=densities, seeds=(1, 2))
    winner = dict(zip(densities, (*names[:6], "grasp", "wanda"), strict=True))

    def mean(run):
        won = winner.get(run.cell.density) == run.cell.criterion
        return 80 + 5 * run.cell.density + won + (run.cell.criterion == "dense") + run.seed / 10

    return Study(made, tuple(measured(*pair) for pair in results_of(made, accuracy=mean)))


def test_the_best_of_all_has_a_colour_then_those_that_win_most_densities():
    found = chosen(below_dense(eight_densities()))
    assert found[:2] == ["wanda · random", "grasp · random"]
    assert len(found) == 6


@pytest.mark.parametrize("best", [False, True])
def test_static_is_dotted_and_without_colour_also_where_it_is_the_best(best):
    found = [
        (run, result.model_copy(update={"outcome": replace(result.outcome, test_accuracy_best=88.0)}))
        if best and run.cell.criterion == "static"
        else (run, result)
        for run, result in study().results
    ]
    plot = leaderboard_plot(boards(Study(MADE, tuple(found))))
    shown = legend_of(drawn(plot))
    assert (shown["static"].get_linestyle(), shown["static"].get_color()) == (":", LIGHT.ink)
    assert [name for name, line in shown.items() if line.get_linestyle() == ":"] == ["static"]
    assert "Plain static is dotted" in plot.caption


def test_static_masks_alone_make_a_figure():
    found = study(without=lambda cell: cell.criterion not in ("static", "dense"))
    assert set(legend_of(drawn(leaderboard_plot(boards(found))))) == {"static", "dense", "Pareto front"}


def test_what_is_not_drawn_is_not_in_the_caption():
    caption = leaderboard_plot(boards(study(without=lambda cell: cell.growth is None))).caption
    assert "static" not in caption
    assert "dense" not in caption


def collapsing(cells):
    """A study in which the named cells at density 0.1 end at 10% with an empty first layer."""
    pairs = []
    for run, result in study().results:
        if run.cell.label in cells and run.cell.density == 0.1:
            outcome = replace(result.outcome, test_accuracy_best=10.0, density={"fc1.weight": 0.0, "fc2.weight": 0.2})
            result = result.model_copy(update={"outcome": outcome})
        pairs.append((run, result))
    return Study(MADE, tuple(pairs))


@pytest.mark.parametrize(
    ("cells", "text"),
    [(["static"], "static: 10.0%"), (["static", "set · random"], "2 methods: 10.0 to 10.0%"), ([], None)],
)
def test_what_is_far_below_the_others_is_named_at_the_edge_and_leaves_them_their_room(cells, text):
    plot = leaderboard_plot(boards(collapsing(cells)))
    left, right = drawn(plot).axes
    assert [each.get_text() for ax in (left, right) for each in ax.texts] == [text] * 2 * bool(cells)
    assert left.get_ylim()[0] > 60
    assert ("Triangles at the lower edge" in plot.caption) is bool(cells)


def test_a_method_that_leaves_a_layer_without_weights_is_named_in_every_form():
    found = collapsing(["static"])
    sentence = "Layer collapse: static leaves no weight in fc1.weight (in 3 of 3 runs)."
    assert markdown(found, boards(found)).count(sentence) == SECTION.html(Findings(found)).count(sentence) == 1


def marked(label, **changes):
    """A study in which two runs of three of a method at density 0.1 are changed so."""
    pairs = []
    for run, result in study().results:
        if (run.cell.label, run.cell.density) == (label, 0.1) and run.seed < 3:
            outcome = replace(result.outcome, diverged=changes.get("diverged", False))
            skipped = changes.get("contract_skipped", False)
            result = result.model_copy(update={"outcome": outcome, "contract_skipped": skipped})
        pairs.append((run, result))
    return Study(MADE, tuple(pairs))


@pytest.mark.parametrize(
    ("change", "mark", "sentence"),
    [
        ("diverged", "²", "² Diverged: set · random (2 of 3 runs). These are no results of a training that worked."),
        (
            "contract_skipped",
            "¹",
            "¹ Trained with --no-contract: set · random (2 of 3 runs). Nothing shows that such a criterion keeps the "
            "contract.",
        ),
    ],
)
def test_what_diverged_or_skipped_the_contract_is_marked_in_every_form(change, mark, sentence):
    found = marked("set · random", **{change: True})
    for text in (markdown(found, boards(found)), SECTION.html(Findings(found))):
        assert text.count(f"set · random{mark}") == 1
        assert text.count(sentence) == 1
    plain = markdown(study(), boards(study()))
    assert not any(each in plain for each in "¹²")


def test_what_people_wrote_around_the_leaderboard_stays_and_writing_twice_changes_nothing(tmp_path):
    path = tmp_path / "field.md"
    write_leaderboard(path, study())
    path.write_text(f"before\n\n{path.read_text()}\nafter\n")
    once = path.read_text()
    written = write_leaderboard(path, study())
    assert path.read_text() == once
    assert [each.name for each in written] == ["field.md", "made-up-leaderboard.png"]
    assert (once.startswith("before"), once.endswith("after\n")) == (True, True)
    path.write_text(once.replace("<!-- end of the leaderboard of made-up -->", ""))
    with pytest.raises(InputError, match="has no line <!-- end"):
        write_leaderboard(path, study())


def test_the_page_shows_every_method():
    html = SECTION.html(Findings(study()))
    assert html.count("<h3>Density") == 2
    for label in labels(boards(study())[0]):
        assert label in html


def test_the_command_takes_results_else_stored_ones_else_says_what_to_do(tmp_path, capsys):
    place = ["--leaderboard", str(tmp_path / "field.md"), "--results", str(tmp_path)]
    assert main(["rank", "fmnist-lenet300", *place]) == 0
    assert "(stored results of 812 runs in " in capsys.readouterr().out
    assert "snip · gradient" in (tmp_path / "field.md").read_text()
    assert main(["rank", "cifar10-cnn", *place]) == 2
    assert "run it first" in capsys.readouterr().err
    assert main(["rank", "cifar10-cnn", *place, "--json"]) == 2
    assert "leave --json out" in capsys.readouterr().err
    assert not ResultsFolder(tmp_path, "cifar10-cnn").path.exists()
