"""Known answers of the criteria and growths that are shipped, by hand from the formulas of their papers.

They are not in the modules of the plugins: an algorithm is the same with one known answer more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

WEIGHT = [0.5, -2.0, 1.0, 0.0]
GRAD = [-1.0, 0.25, 3.0, 2.0]
LAYER = {"weight": WEIGHT, "grad": GRAD}
RELEASED = "the released code of Nowak et al., 2023"


def _scores(name: str, source: str, scores: Sequence[float], **given: Any) -> dict[str, Sequence[Mapping[str, Any]]]:
    known = {"source": source, **LAYER, "scores": [*scores, None], **given}
    return {f"criteria.pruning.{name}": (known,)}


SHIPPED: dict[str, Sequence[Mapping[str, Any]]] = {
    **_scores("magnitude:Magnitude", "Han et al., 2015: |θ|", [0.5, 2.0, 1.0]),
    **_scores("mest:MEST", "Yuan et al., 2021: |θ| + λ|g| with λ = 2", [2.5, 2.5, 7.0], parameters={"lambda_": 2.0}),
    **_scores("snip:SNIP", "Lee et al., 2019: |θ·g|", [0.5, 0.5, 3.0]),
    **_scores("snip_signed:SNIPSigned", f"{RELEASED}: −θ·g", [0.5, 0.5, -3.0]),
    **_scores("taylor_fo:TaylorFO", "Molchanov et al., 2019: (θ·g)²", [0.25, 0.25, 9.0]),
    **_scores("sensitivity:Sensitivity", f"{RELEASED}: |g| / (|θ| + ε)", [2.0, 0.125, 3.0]),
    **_scores("reciprocal_sensitivity:ReciprocalSensitivity", f"{RELEASED}: |θ| / (|g| + ε)", [0.5, 8.0, 1 / 3]),
    **_scores("grad_step:GradStep", f"{RELEASED}: |θ − γg| with γ = 0.5", [1.0, 2.125, 0.5], parameters={"gamma": 0.5}),
    **_scores("grasp:GraSP", "Wang et al., 2020: θ·(Hg)", [1.0, -2.0, -1.0], product=[2.0, 1.0, -1.0, 5.0]),
    **_scores(
        "running_magnitude:RunningMagnitude",
        f"{RELEASED}: average ← 0.9·average + 0.1·|θ|, from the first |θ| on",
        [0.95, 2.0, 1.9],
        observed=[{"weight": [1.0, 2.0, -2.0, 0.0]}, {}],
    ),
    **_scores(
        "running_snip:RunningSNIP",
        f"{RELEASED}: average ← 0.9·average + 0.1·|θ·g|, from the first |θ·g| on",
        [0.95, 0.5, 1.2],
        observed=[{"weight": [-1.0, 2.0, 0.5, 0.0], "grad": [1.0, 0.25, -2.0, 0.0]}, {}],
    ),
    "criteria.pruning.set:SET": (
        {
            "source": "Mocanu et al., 2018: the smallest positive and the largest negative weights",
            "weight": [0.3, 0.1, 0.2, -4.0, -3.0, -5.0, 0.0],
            "selected": [False, True, True, True, True, False, False],
        },
    ),
    "criteria.pruning.set_each_sign:SETEachSign": (
        {
            "source": "Truly-Sparse-Training: the same fraction of the positive and of the negative weights",
            "weight": [0.3, 0.1, 0.2, -4.0, 0.4, 0.5, 0.6, -3.0],
            "selected": [True, True, True, False, False, False, False, True],
        },
    ),
    "criteria.pruning.snip_half:SNIPHalf": (
        {
            "source": f"{RELEASED}: half from the lowest end of |θ·g|, half from the highest",
            "weight": [1.0, -2.0, 3.0, 4.0, 5.0, -6.0],
            "grad": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0],
            "selected": [True, True, False, False, True, True],
        },
    ),
    "criteria.growth.gradient:GradientGrowth": (
        {
            "source": "Evci et al., 2020: the largest |g|",
            "weight": [0.0, 0.0, 0.0, 1.0],
            "grad": [0.5, -3.0, 2.0, 9.0],
            "scores": [0.5, 3.0, 2.0, None],
            "selected": [False, True, True, False],
        },
    ),
    "criteria.growth.momentum:MomentumGrowth": (
        {
            "source": "Dettmers & Zettlemoyer, 2019: the largest momentum in absolute value",
            "weight": [0.0, 0.0, 0.0, 1.0],
            "momentum": [0.5, -3.0, 2.0, 9.0],
            "scores": [0.5, 3.0, 2.0, None],
            "selected": [False, True, True, False],
        },
    ),
}
"""By module and class."""
