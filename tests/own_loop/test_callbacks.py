"""The examples for people who have no loop, with the real packages where they are installed."""

import itertools
import os
import shutil
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from criteria import InputError, SparseTraining
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

    def fit(epochs, checkpoint=None, sparse=None, module=None, **options):
        sparse, module = sparse or Sparse(total_steps=60, **SETTINGS), module or Module()
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


def test_lightning_draws_no_new_masks_for_a_module_that_was_fitted(lightning, tmp_path):
    from sparse_lightning import Sparse

    lightning(1)
    sparse = Sparse(total_steps=60, **SETTINGS)
    module, _ = lightning(2, checkpoint=tmp_path / "now.ckpt", sparse=sparse)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(InputError, match="new masks would cut down what was trained"):
        lightning(1, sparse=sparse, module=module)
    with pytest.raises(InputError, match="new masks would cut down what was trained"):
        lightning(1, module=module)  # as from a cell of a notebook that runs again
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    _, again = lightning(1, sparse=Sparse(total_steps=60, masks=sparse.sparse.masks, **SETTINGS), module=module)
    assert again.step == 6


def test_lightning_leaves_no_hooks_on_the_optimizer_where_a_training_fails(lightning, monkeypatch):
    from sparse_lightning import Sparse

    module, before = lightning(1)
    monkeypatch.setattr(module, "training_step", lambda *_: 1 / 0)
    callback = Sparse(total_steps=60, masks=before.masks, **SETTINGS)
    with pytest.raises(ZeroDivisionError):
        lightning(1, sparse=callback, module=module)
    optimizer = callback.sparse._optimizer
    SparseTraining(module, optimizer, update_period=None, masks=before.masks)  # which is refused while hooks are there


def test_lightning_trains_for_as_long_as_it_takes_where_the_steps_are_given(lightning):
    _, sparse = lightning(-1, max_time={"seconds": 1})
    assert sparse.step > 0


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

    def fit(steps, resume=None, told=True, model=None, sparse=None, metrics=None, **options):
        examples = [{"inputs": x, "labels": y} for step in range(12) for x, y in zip(*batch(step), strict=True)]
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "out"),
            max_steps=steps,
            per_device_train_batch_size=16,
            **{"save_steps": 6, **options},
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            lr_scheduler_type="constant",
            logging_strategy="no",
        )
        sparse = sparse or Sparse(resume=resume if told else None, total_steps=60, **SETTINGS)
        model = model or Model()
        data = {"train_dataset": examples, "eval_dataset": examples[:32]}
        trainer = Trainer(model=model, args=arguments, **data, callbacks=[sparse], compute_metrics=metrics)
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


def test_hugging_faces_trainer_resumes_from_the_last_checkpoint_without_its_name(transformers, tmp_path):
    whole, _ = transformers(12)
    shutil.rmtree(tmp_path / "out/checkpoint-12")
    resumed, again = transformers(12, resume=True)
    assert again.step == 12
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


def test_a_checkpoint_without_masks_is_named(transformers, tmp_path):
    transformers(6)
    (tmp_path / "out/checkpoint-6/sparse.pt").unlink()
    with pytest.raises(
        InputError, match=r"checkpoint-6 has no sparse.pt; resume from a checkpoint that was saved with"
    ):
        transformers(12, resume=str(tmp_path / "out/checkpoint-6"))


def test_hugging_faces_trainer_leaves_the_best_model_whole(transformers, tmp_path):
    steps = {"save_steps": 5, "eval_steps": 5, "eval_strategy": "steps"}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "age", "greater_is_better": False}
    ages = itertools.count()
    model, _ = transformers(20, metrics=lambda _: {"age": next(ages)}, **steps, **best)  # the first one is the best
    saved = safetensors_of(tmp_path / "out/checkpoint-5")
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


def test_hugging_faces_trainer_draws_no_new_masks_for_weights_that_were_trained(transformers, tmp_path):
    from sparse_transformers import Sparse

    sparse = Sparse(total_steps=60, **SETTINGS)
    model, _ = transformers(6, sparse=sparse)
    with pytest.raises(InputError, match="new masks would cut down what was trained"):
        transformers(6, sparse=sparse, model=model)
    with pytest.raises(InputError, match="new masks would cut down what was trained"):
        transformers(6, model=model)  # as from a cell of a notebook that runs again
    checkpoint = str(tmp_path / "out/checkpoint-6")
    with pytest.raises(InputError, match="Trainer and Sparse resume together"):
        transformers(12, resume=checkpoint, told=False)
    with pytest.raises(InputError, match="Trainer and Sparse resume together"):
        transformers(12, sparse=Sparse(resume=checkpoint, total_steps=60, **SETTINGS))


def safetensors_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")
