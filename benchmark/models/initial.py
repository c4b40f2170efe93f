"""How weights start where torch's default is not what the paper's code uses."""

from torch import nn


def kaiming_normal(network: nn.Module) -> None:
    """Draw every Linear and Conv weight from a normal distribution of variance 2 / fan-in (He et al., 2015)."""
    for module in network.modules():
        # a network without values draws nothing, for which torch would import its compiler, in seconds
        if isinstance(module, nn.Linear | nn.Conv2d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight)


def kaiming_normal_by_outputs(network: nn.Module) -> None:
    """Draw every Conv weight from a normal distribution of variance 2 / fan-out, every Linear weight from N(0, 0.01²).

    Biases are 0; batch-norm starts with weights of 1 and biases of 0 by torch's default.
    """
    for module in network.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d) or module.weight.is_meta:  # as above
            continue
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, 0, 0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
