"""Settings of the whole suite."""

import torch

torch.set_num_threads(1)  # xdist uses the cores; two threads on a busy core wait for each other
