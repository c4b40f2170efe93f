"""Whether there is a GPU at all, asked so that one that hangs does not hang the one who asks."""

import shutil
import subprocess
import sys

PATIENCE_SECONDS = 60.0


def gpu_is_here() -> bool:
    """False where neither its driver's program nor torch knows of a GPU; a broken one is there, and its health tells.

    This process does not import torch for it.
    """
    if shutil.which("nvidia-smi") is not None:
        return True
    ask = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    try:
        found = subprocess.run([sys.executable, "-c", ask], timeout=PATIENCE_SECONDS, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return True
    return found.returncode == 0
