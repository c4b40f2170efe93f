"""Sparse training with Hugging Face: ``Trainer(…, callbacks=[Sparse(density=0.1)])``. Runs with transformers 5."""

from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

import torch
from transformers import TrainerCallback

from criteria import InputError, SparseTraining


class Sparse(TrainerCallback):
    """Keeps the model sparse while it trains; its settings are those of SparseTraining.

    ``resume`` is the folder of the checkpoint that the Trainer resumes from, or True where it takes its last one.
    """

    trained: ClassVar[WeakSet] = WeakSet()
    """Models that were trained, by whichever callback."""

    def __init__(self, resume: str | Path | bool | None = None, **settings: Any) -> None:
        self.resume, self.settings, self.sparse = resume, settings, None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any, optimizer: Any, **_: Any) -> None:  # noqa: ARG002
        """Attach when the optimizer is there and a checkpoint, if any, is loaded."""
        if bool(self.resume) != bool(state.global_step):
            raise InputError("Trainer and Sparse resume together: train(resume_from_checkpoint=…), Sparse(resume=…)")
        given = "masks" in self.settings and self.sparse is None
        if not self.resume and model in self.trained and not given:
            raise InputError("new masks would cut down what was trained; take Sparse(masks=….sparse.masks) to go on")
        saved = _saved(_last(args, state) if self.resume is True else Path(self.resume)) if self.resume else None
        settings = {"total_steps": state.max_steps, **self.settings}
        self.sparse = SparseTraining(model, optimizer, state=saved, **settings)
        self.trained.add(model)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Write the masks, and all that the topology depends on, beside the Trainer's own files."""
        torch.save(self.sparse.state_dict(), _last(args, state) / "sparse.pt")

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Leave a plain model with zeros in place."""
        self.sparse.finalize()


def _last(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def _saved(checkpoint: Path) -> Any:
    if not (checkpoint / "sparse.pt").is_file():
        raise InputError(f"{checkpoint} has no sparse.pt; resume from a checkpoint that was saved with this callback")
    return torch.load(checkpoint / "sparse.pt", weights_only=True)
