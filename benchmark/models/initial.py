"""How weights start where torch's default is not what the paper's code uses."""

from torch import nn


def kaiming_normal(network: nn.Module) -> None:
    """Draw every Linear and Conv weight from a normal distribution of variance 2 / fan-in (He et al., 2015)."""
    for module in network.modules():
        # a network without values draws nothing, for which torch would import its compiler, in seconds
        if isinstance(module, nn.Linear | nn.Conv2d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight)
