"""Sparse training with Lightning: ``Trainer(callbacks=[Sparse(density=0.1)])``. Runs with lightning 2.6."""

from typing import Any, ClassVar
from weakref import WeakSet

from lightning.pytorch import Callback, LightningModule, Trainer

from criteria import InputError, SparseTraining


class Sparse(Callback):
    """Keeps what the module's first optimizer trains sparse; its settings are those of SparseTraining."""

    trained: ClassVar[WeakSet] = WeakSet()
    """Modules that were trained, by whichever callback."""

    def __init__(self, **settings: Any) -> None:
        self.settings, self.loaded, self.sparse = settings, None, None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach when the optimizer is there and a checkpoint, if any, is loaded."""
        given = "masks" in self.settings and self.sparse is None
        if self.loaded is None and pl_module in self.trained and not given:
            raise InputError("new masks would cut down what was trained; take Sparse(masks=….sparse.masks) to go on")
        steps = trainer.estimated_stepping_batches
        settings = {"total_steps": None if steps == float("inf") else int(steps), **self.settings}
        self.sparse = SparseTraining(pl_module, trainer.optimizers[0], state=self.loaded, **settings)
        self.loaded = None
        self.trained.add(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - as Lightning calls it
        """Leave a plain module with zeros in place."""
        self.sparse.finalize()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Let go after Ctrl-C or an error too, where Lightning does not come to the end of the training."""
        if self.sparse is not None:
            self.sparse.finalize()

    def state_dict(self) -> dict[str, Any]:
        """What Lightning's checkpoints keep: the masks and all that the topology depends on."""
        return self.sparse.state_dict() if self.sparse else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state until there is an optimizer."""
        self.loaded = state_dict
