"""torch's SGD, without torch's compiler."""

from inspect import unwrap
from typing import Any, cast

import torch
from torch.optim import SGD


class PlainSGD(SGD):
    """torch's own SGD, of which no method imports torch's compiler.

    torch wraps its methods so that the compiler leaves them alone, and imports the compiler for that: 2.5 s of CPU of
    every process that trains, though nothing is compiled. Inside of the wrappers is the same code.
    """

    add_param_group = unwrap(SGD.add_param_group)
    state_dict = unwrap(SGD.state_dict)
    load_state_dict = unwrap(SGD.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One optimizer step, as torch's own."""
        return cast(Any, unwrap(SGD.step))(self, closure)
