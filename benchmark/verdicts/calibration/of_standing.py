"""What a standing promises, shown in worlds with known truth."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.verdicts.calibration.worlds import FMNIST, SMOKE, SPREADS, around, results, stored
from benchmark.verdicts.limits import MARGIN
from benchmark.verdicts.statistics.arrays import Array, Mask
from benchmark.verdicts.statistics.places import Places, places

CHUNK = 50
"""Experiments that are sampled at once."""
OTHERS = np.arange(6) != 0
SAID = 0.95
LEAD = 0.6


@dataclass(frozen=True)
class Drawn:
    """Standings of many experiments, with the truth [experiments, settings, criteria]."""

    true: Array
    found: Places

    @property
    def difference(self) -> Array:
        return self.true - self.true[..., :1]

    @property
    def covered(self) -> Mask:
        """Whether the interval of the difference has the truth in it [experiments, settings, others]."""
        inside = (self.found.low <= self.difference + 1e-9) & (self.difference <= self.found.high + 1e-9)
        return inside[..., OTHERS]

    @property
    def ranked(self) -> Mask:
        """Whether the interval of the rank has the truth in it; equal criteria share their ranks."""
        above = (self.true[..., None, :] > self.true[..., :, None]).sum(axis=-1) + 1
        not_below = (self.true[..., None, :] >= self.true[..., :, None]).sum(axis=-1)
        return np.asarray((self.found.rank_low <= not_below) & (self.found.rank_high >= above))


def draw(name: str, truth: str, seeds: int, experiments: int) -> Drawn:
    """Standings in the world ``name``; ``truth`` is ``peers`` (all equal), ``stored`` or ``scattered``."""
    generator = np.random.default_rng([seeds, *name.encode(), *truth.encode()])
    grain = stored(SMOKE).grain if name == "stored smoke" else 0.01
    trues, parts = [], []
    for _ in range(max(experiments // CHUNK, 1)):
        spread = SPREADS[name](generator, CHUNK) if name in SPREADS else around(0.2, 0.2)(generator, CHUNK)
        true = _truth(generator, name, truth, spread.shape)
        values = results(generator, true, spread, seeds, correlation=0.1, skewed=name == "skewed", grain=grain)
        trues.append(true)
        parts.append(places(values, grain, 0, MARGIN))
    fields = Places.__dataclass_fields__
    return Drawn(np.concatenate(trues), Places(*(np.concatenate([getattr(p, f) for p in parts]) for f in fields)))


def _truth(generator: np.random.Generator, name: str, truth: str, size: tuple[int, ...]) -> Array:
    match truth:
        case "stored":
            return np.broadcast_to(stored(FMNIST if name == "stored fmnist" else SMOKE).settings[0], size)
        case "scattered":
            return 85 + 0.5 * generator.standard_normal(size)
        case "leader":
            return np.broadcast_to(85 + np.array([0, 0, 0, LEAD, -LEAD, -3.0]), size)
    return np.full(size, 85.0)


def lines(experiments: int) -> Iterable[tuple[str, str, str]]:
    """What is promised, what is required, and what was found."""
    worlds = [(name, "stored" if name.startswith("stored") else "scattered") for name in SPREADS]
    drawn = {(name, n): draw(name, truth, n, experiments) for name, truth in worlds for n in (3, 5)}
    peers = {(name, n): draw(name, "peers", n, experiments) for name in SPREADS for n in (3, 5)}
    every = [*drawn.values(), *peers.values()]
    cover = [each.covered.mean() for each in every]
    yield "95% interval of the difference covers, each world", "≥ .94", _range(cover)
    yield "the worst criterion", "≥ .90", f"{min(each.covered.mean(axis=(0, 1)).min() for each in every):.3f}"
    yield "interval of the rank covers", "≥ .95", f"≥ {min(each.ranked.mean() for each in every):.3f}"
    improves = [(each.found.p_improves[..., OTHERS] >= SAID).any(axis=-1).mean() for each in peers.values()]
    yield "equal peers: any p_improves ≥ .95, by setting", "≤ .03", f"≤ {max(improves):.3f}"
    best = [(each.found.p_best >= SAID).any(axis=-1).mean() for each in peers.values()]
    yield "equal peers: any p_best ≥ .95, by setting", "≤ .01", f"≤ {max(best):.3f}"
    errors = [_calibration_error(each) for each in drawn.values()]
    yield "calibration error of p_best", "≤ .06", f"≤ {max(errors):.3f}"
    said = {key: each.found.p_improves[..., OTHERS] >= SAID for key, each in drawn.items()}
    true = {key: (each.difference[..., OTHERS] > 0)[said[key]] for key, each in drawn.items()}
    pooled = np.concatenate(list(true.values())).mean()
    worst = min(found.mean() for found in true.values() if len(found))
    yield "p_improves said ≥ .95, pooled: true", "≥ .95", f"{pooled:.3f} (worst world {worst:.2f})"
    for n, required in ((3, "≥ .65"), (5, "≥ .80")):
        leader = draw("sd .2", "leader", n, experiments).found
        power = ((leader.p_holm < 0.05) & (leader.difference > 0))[..., 3].mean()
        yield f"power at sd ≈ .2, lead {LEAD:g}, Holm, n = {n}", required, f"{power:.2f}"


def _calibration_error(drawn: Drawn, bins: int = 10) -> float:
    """Mean distance of the probabilities of being best from how often it is so, by tenths of the probability."""
    said = drawn.found.p_best.ravel()
    true = (drawn.true == drawn.true.max(axis=-1, keepdims=True)).ravel()
    tenth = np.minimum((said * bins).astype(int), bins - 1)
    return sum(
        float((tenth == number).mean() * abs(said[tenth == number].mean() - true[tenth == number].mean()))
        for number in range(bins)
        if (tenth == number).any()
    )


def _range(values: list[float]) -> str:
    return f"{min(values):.3f}–{max(values):.3f}"
