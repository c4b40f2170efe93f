"""Sparse training with Hugging Face: ``Trainer(…, callbacks=[Sparse(density=0.1)])``. Runs with transformers 5."""

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from criteria import InputError, SparseTraining


class Sparse(TrainerCallback):
    """Keeps the model sparse while it trains; its settings are those of SparseTraining.

    ``resume`` is the folder of the checkpoint that the Trainer resumes from.
    """

    def __init__(self, resume: str | Path | None = None, **settings: Any) -> None:
        self.resume, self.settings, self.model = resume, settings, None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any, optimizer: Any, **_: Any) -> None:  # noqa: ARG002
        """Attach when the optimizer is there and a checkpoint, if any, is loaded."""
        if bool(self.resume) != bool(state.global_step):
            raise InputError("Trainer and Sparse resume together: train(resume_from_checkpoint=…), Sparse(resume=…)")
        if not self.resume and model is self.model:
            raise InputError("new masks would cut down what was trained; take Sparse(masks=….sparse.masks) to go on")
        saved = torch.load(Path(self.resume) / "sparse.pt", weights_only=True) if self.resume else None
        settings = {"total_steps": state.max_steps, **self.settings}
        self.sparse, self.model = SparseTraining(model, optimizer, state=saved, **settings), model

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Write the masks, and all that the topology depends on, beside the Trainer's own files."""
        torch.save(self.sparse.state_dict(), Path(args.output_dir) / f"checkpoint-{state.global_step}" / "sparse.pt")

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Leave a plain model with zeros in place."""
        self.sparse.finalize()
