"""Draw what a step costs on both engines into ``docs/engines.png``, and write the tables of README and engines page.

Everything is read from ``docs/engines.json`` and ``docs/kernels.json``: ``dst-bench bench engines --json >
docs/engines.json`` measures the one, ``dst-bench bench kernels --json > docs/kernels.json`` the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tabulate import tabulate

from benchmark.report.figures.look import Plot, Theme, line_style, png, reference_style, set_panel_title
from benchmark.report.marks import between_marks
from benchmark.timing.kernels import DENSITIES

HERE = Path(__file__).parent
BEGIN, END = "<!-- written by docs/draw_engines.py -->", "<!-- end of what is written -->"
BEGIN_PARTS, END_PARTS = "<!-- parts, written by docs/draw_engines.py -->", "<!-- end of the parts -->"
NAMES = {
    "fmnist-lenet300": "LeNet-300-100",
    "fmnist-cnn": "LeNet-5-Caffe",
    "cifar10-mlp": "perceptron for CIFAR-10",
    "cifar10-cnn": "small CNN",
    "cifar100-vgg16": "VGG-16",
}
DRAWN = ("fmnist-lenet300", "fmnist-cnn")
"""The networks that are timed at every density: of the figure and of README's table."""


@dataclass(frozen=True)
class Step:
    """An optimizer step of one network at one density; times in milliseconds."""

    network: str
    density: float
    dense: float
    sparse: float
    floor: float
    """What the products of active weights would take at the rate of one large dense product."""
    ratio: float
    """Dense over sparse, the median of the rounds; beside it that of the lowest and that of the highest round."""
    lowest: float
    highest: float
    above_floor: float
    """Sparse over the floor, the median of the rounds too."""
    rate: float
    """GFLOP/s of products of active weights on the sparse engine."""


def measured(file: Path) -> list[Step]:
    """Every pair of comparisons of the file: dense beside sparse, sparse beside the floor."""
    found = json.loads(file.read_text())["comparisons"]
    return [_step(engines, floor) for engines, floor in zip(found[::2], found[1::2], strict=True)]


def _step(engines: dict[str, Any], floor: dict[str, Any]) -> Step:
    name, density = engines["about"].partition(" (")[0].split(" at density ")
    return Step(
        network=name,
        density=float(density),
        dense=1000 * engines["seconds"],
        sparse=1000 * engines["rival_seconds"],
        floor=1000 * floor["rival_seconds"],
        ratio=engines["ratio"],
        lowest=engines["lowest"],
        highest=engines["highest"],
        above_floor=floor["ratio"],
        rate=floor["flops"] / floor["seconds"] / 1e9,
    )


def short_table(steps: Sequence[Step]) -> str:
    """A row for each density at which all networks are timed, with columns for each network."""
    columns = [f"{NAMES[name]}, {what}" for name in DRAWN for what in ("sparse", "dense", "ratio")]
    by_place = {(step.network, step.density): step for step in steps}
    rows = [
        [f"{density:g}", *(each for name in DRAWN for each in _times(by_place[name, density]))]
        for density in sorted({step.density for step in steps if step.network == DRAWN[0]})
    ]
    return _markdown(["density", *columns], rows)


def full_table(steps: Sequence[Step]) -> str:
    """A row for each network and density."""
    headers = ["network", "density", "sparse, ms", "dense, ms", "dense / sparse", "sparse, GFLOP/s", "sparse / floor"]
    rows = []
    for step in steps:
        sparse, dense, ratio = _times(step)
        rounds = f"{ratio} ({step.lowest:.1f} to {step.highest:.1f})"
        rates = f"{step.rate:.0f}", f"{step.above_floor:.1f}"
        rows.append([NAMES[step.network], f"{step.density:g}", sparse, dense, rounds, *rates])
    return _markdown(headers, rows)


def parts_table(file: Path) -> str:
    """A row for each part of a step of the networks in README's table, with columns for each density."""
    found = json.loads(file.read_text())["comparisons"]
    shares = {(each["about"], each["what"]): each for each in found if each["rival"] == "step"}
    floors = {(each["about"], each["what"]): each for each in found if each["rival"] != "step"}
    columns = [
        f"{density:g}, {what}" for density in DENSITIES for what in ("µs", "of the step", "GFLOP/s", "of the rate")
    ]
    rows = []
    for name in DRAWN:
        about = [f"{name} at density {density:g}, one thread" for density in DENSITIES]
        for part in [what for place, what in shares if place == about[0]]:
            cells = [cell for place in about for cell in _part(shares[place, part], floors.get((place, part)))]
            rows.append([NAMES[name], part, *cells])
    return _markdown(["network", "part", *columns], rows)


def _part(share: dict[str, Any], floor: dict[str, Any] | None) -> list[str]:
    """Microseconds and share of the step; of products their rate too, and what that is of the machine's."""
    cells = [f"{1e6 * share['seconds']:.0f}", f"{share['ratio']:.0%}"]
    if floor is None:
        return [*cells, "", ""]
    return [*cells, f"{floor['flops'] / floor['seconds'] / 1e9:.0f}", f"{1 / floor['ratio']:.0%}"]


def _times(step: Step) -> list[str]:
    return [_milliseconds(step.sparse), _milliseconds(step.dense), f"{step.ratio:.1f}"]


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def draw(steps: Sequence[Step], theme: Theme) -> Figure:
    """A panel for each network that is timed at every density."""
    figure = Figure(figsize=(9, 4.2))
    for ax, name in zip(figure.subplots(1, len(DRAWN)), DRAWN, strict=True):
        _panel(ax, [step for step in steps if step.network == name], theme)
        set_panel_title(ax, NAMES[name])
    figure.axes[0].set_ylabel("milliseconds per step of one network")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _panel(ax: Axes, steps: Sequence[Step], theme: Theme) -> None:
    densities = [step.density for step in steps]
    ax.loglog(densities, [step.dense for step in steps], label="dense engine", **line_style(1))
    ax.loglog(densities, [step.sparse for step in steps], label="sparse engine", **line_style(0))
    label = "floor: the machine's best rate"
    ax.loglog(densities, [step.floor for step in steps], label=label, **reference_style(0, theme))
    ax.set_xticks(densities, [f"{density:g}" for density in densities])
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("density")


def write(page: Path, content: str, begin: str = BEGIN, end: str = END) -> None:
    """Put content between two marks of a page."""
    page.write_text(between_marks(page.read_text(), begin, end, content, page))


def main() -> None:
    """Draw the figure and write the tables."""
    steps = measured(HERE / "engines.json")
    plot = Plot("engines", "What a step costs", "", lambda theme: draw(steps, theme))
    (HERE / "engines.png").write_bytes(png(plot))
    write(HERE.parent / "README.md", short_table(steps))
    write(HERE / "engines.md", full_table(steps))
    write(HERE / "engines.md", parts_table(HERE / "kernels.json"), BEGIN_PARTS, END_PARTS)


if __name__ == "__main__":
    main()
