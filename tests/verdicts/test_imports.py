"""A check imports only what it needs, so that it answers in a moment."""

import json
import subprocess
import sys

SLOW = ("torch", "sklearn", "pandas", "matplotlib", "statsmodels", "scikit_posthocs", "scipy.stats", "jinja2")
CODE = f"""
import json, sys
from benchmark.verdicts import accepting, check, contrasts, rendering
from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import claims
from benchmark.verdicts.claims.cases import STUDIED

values = {{1: 80.0, 2: 81.5, 3: 79.5}}
samples = {{Cell(name, "random", density): values for name in STUDIED for density in (0.05, 0.2)}}
samples |= {{Cell("static", None, 0.05): values, Cell("dense", None, 1.0): values}}
assert len(claims(samples, 1.0)) == 5
print(json.dumps([name for name in {SLOW} if name in sys.modules]))
"""


def test_checking_accepting_and_judging_every_claim_import_nothing_that_is_slow():
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
