"""How weights start where torch's default is not what the paper's code uses."""

from torch import nn


def kaiming_normal(network: nn.Module) -> None:
    """Draw every Linear and Conv weight from a normal distribution of variance 2 / fan-in (He et al., 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
