"""The examples for people who have no loop, with the real packages where they are installed."""

import os
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.own_loop.nets import batch, perceptron

CALLBACKS = Path(__file__).parents[2] / "examples/callbacks"
SETTINGS = {"density": 0.3, "update_period": 3, "criterion": "running_magnitude"}

pytestmark = pytest.mark.filterwarnings("ignore")  # the packages' own warnings


@pytest.fixture
def callbacks(monkeypatch):
    monkeypatch.syspath_prepend(CALLBACKS)


def zeros_are(model, masks):
    weights = dict(model.named_parameters())
    return all(not weights[name][~mask].any() and weights[name][mask].any() for name, mask in masks.items())


@pytest.fixture
def lightning(callbacks, tmp_path):
    """Fits a module for some epochs of six steps, from a checkpoint or not."""
    pytest.importorskip("lightning", reason="pip install lightning")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightning.pytorch as lightning
        from sparse_lightning import Sparse

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = perceptron()

        def training_step(self, examples, _index):
            inputs, targets = examples
            return F.cross_entropy(self.net(inputs), targets)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    def fit(epochs, checkpoint=None, **options):
        sparse, module = Sparse(total_steps=60, **SETTINGS), Module()
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        trainer = lightning.Trainer(
            max_epochs=epochs, callbacks=[sparse], enable_checkpointing=False, **quiet, **options
        )
        loader = torch.utils.data.DataLoader([batch(step) for step in range(6)], batch_size=None)
        trainer.fit(module, loader, ckpt_path=checkpoint, weights_only=True)
        trainer.save_checkpoint(tmp_path / "now.ckpt")
        return module, sparse.sparse

    return fit


def test_lightning_trains_a_sparse_module(lightning):
    module, sparse = lightning(2)
    assert sparse.step == 12
    assert [update.step for update in sparse.history] == [3, 6, 9, 12]
    assert sum(sum(update.replaced.values()) for update in sparse.history) > 0
    assert all(name.startswith("net.") for name in sparse.masks)
    assert zeros_are(module, sparse.masks)


def test_lightning_accumulates_gradients_into_one_step(lightning):
    _, sparse = lightning(2, accumulate_grad_batches=2)
    assert sparse.step == 6


def test_lightning_resumes_bit_for_bit(lightning, tmp_path):
    whole, sparse = lightning(3)
    lightning(1)
    resumed, again = lightning(3, checkpoint=tmp_path / "now.ckpt")
    assert again.step == 18
    assert again.history == sparse.history
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.fixture
def transformers(callbacks, tmp_path):
    """Trains a model for some steps, from a checkpoint or not, and saves after every sixth."""
    pytest.importorskip("transformers", reason="pip install transformers accelerate")
    pytest.importorskip("accelerate", reason="pip install transformers accelerate")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sparse_transformers import Sparse
        from transformers import Trainer, TrainingArguments

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = perceptron()

        def forward(self, inputs, labels):
            logits = self.net(inputs)
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    def fit(steps, resume=None, **options):
        examples = [{"inputs": x, "labels": y} for step in range(12) for x, y in zip(*batch(step), strict=True)]
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "out"),
            max_steps=steps,
            per_device_train_batch_size=16,
            save_steps=6,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            lr_scheduler_type="constant",
            logging_strategy="no",
            **options,
        )
        sparse = Sparse(resume=resume, total_steps=60, **SETTINGS)
        model = Model()
        trainer = Trainer(model=model, args=arguments, train_dataset=examples, callbacks=[sparse])
        trainer.train(resume_from_checkpoint=resume)
        return model, sparse.sparse

    return fit


def test_hugging_faces_trainer_trains_a_sparse_model(transformers):
    model, sparse = transformers(12)
    assert sparse.step == 12
    assert [update.step for update in sparse.history] == [3, 6, 9, 12]
    assert sum(sum(update.replaced.values()) for update in sparse.history) > 0
    assert zeros_are(model, sparse.masks)


def test_hugging_faces_trainer_accumulates_gradients_into_one_step(transformers):
    _, sparse = transformers(6, gradient_accumulation_steps=2)
    assert sparse.step == 6


def test_hugging_faces_trainer_resumes_bit_for_bit(transformers, tmp_path):
    whole, sparse = transformers(12)
    resumed, again = transformers(12, resume=str(tmp_path / "out/checkpoint-6"))
    assert again.step == 12
    assert again.history == sparse.history
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)
