"""Compiled code is kept on disk, and made anew when any of its sources changes."""

import pkgutil
from importlib.util import find_spec
from pathlib import Path

from benchmark.training.engines import sparse
from benchmark.training.engines.sparse.compiling import SOURCES


def test_a_change_of_any_module_of_the_engine_makes_what_is_kept_obsolete():
    modules = [each.name for each in pkgutil.walk_packages(sparse.__path__, f"{sparse.__name__}.")]
    files = {Path(find_spec(name).origin) for name in modules}
    assert {"convolution.py", "plan.py", "retracing.py"} <= {path.name for path in files}
    assert files <= set(SOURCES)
