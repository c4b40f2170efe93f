"""What the paper claims, judged from an experiment's own runs.

Each claim is judged over the settings that the experiment has; chance is in the seeds. A verdict is wrongly
``supported`` no more than one time in forty, and wrongly ``not supported`` no more than one time in forty, whatever the
number of comparisons it is made of; that five claims are judged is not corrected for, since each is a question of its
own.
"""

from benchmark.verdicts.claims.beats_dense import beats_dense
from benchmark.verdicts.claims.beats_static import beats_static
from benchmark.verdicts.claims.magnitude_first import magnitude_first
from benchmark.verdicts.claims.outcome import ClaimId, ClaimOutcome, ClaimVerdict
from benchmark.verdicts.claims.similar import similar
from benchmark.verdicts.claims.spread_grows import spread_grows
from benchmark.verdicts.claims.stored import ClaimChange, changes
from benchmark.verdicts.claims.text import render_claims
from benchmark.verdicts.samples import Samples

__all__ = ["ClaimChange", "ClaimId", "ClaimOutcome", "ClaimVerdict", "changes", "claims", "render_claims"]


def claims(samples: Samples, tolerance: float) -> tuple[ClaimOutcome, ...]:
    """The claims that the experiment has data for; ``tolerance`` (points) is the difference that counts as the same."""
    judged = (
        judge(samples, tolerance) for judge in (similar, spread_grows, magnitude_first, beats_static, beats_dense)
    )
    return tuple(outcome for outcome in judged if outcome is not None)
