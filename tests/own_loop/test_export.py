"""What is left when the training is over."""

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from criteria import InputError
from criteria.training import csr_copy, load_masks, save_masks
from tests.own_loop.nets import attached, batch, perceptron, train


def test_a_finalized_model_is_a_plain_model_with_zeros_in_place():
    model, optimizer, sparse = attached()
    keys, modules = list(model.state_dict()), [type(module) for module in model.modules()]
    train(model, optimizer, 8)
    masks = sparse.finalize()
    assert list(model.state_dict()) == keys
    assert [type(module) for module in model.modules()] == modules
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert all(not model.get_parameter(name).detach()[~mask].any() for name, mask in masks.items())
    train(model, optimizer, 1)
    assert sparse.step == 8
    assert any(model.get_parameter(name).detach()[~mask].any() for name, mask in masks.items())
    sparse.finalize()
    copy.deepcopy(model)


def test_the_best_weights_that_are_loaded_before_the_end_stay_whole():
    model, optimizer, sparse = attached()
    train(model, optimizer, 5)
    best = copy.deepcopy(model.state_dict())
    train(model, optimizer, 15, first=5)
    model.load_state_dict(best)
    sparse.finalize()
    assert all(torch.equal(now, then) for now, then in zip(model.state_dict().values(), best.values(), strict=True))


def test_masks_go_to_a_safetensors_file_and_back(tmp_path):
    pytest.importorskip("safetensors")
    model, optimizer, sparse = attached()
    train(model, optimizer, 5)
    sparse.save_masks(tmp_path / "masks.safetensors")
    loaded = load_masks(tmp_path / "masks.safetensors")
    assert {name: mask.dtype for name, mask in loaded.items()} == dict.fromkeys(sparse.masks, torch.bool)
    assert all(torch.equal(mask, sparse.masks[name]) for name, mask in loaded.items())
    _, _, again = attached(perceptron(seed=3), masks=loaded)
    assert all(torch.equal(mask, sparse.masks[name]) for name, mask in again.masks.items())


def test_a_file_of_something_else_is_refused_in_one_line(tmp_path):
    pytest.importorskip("safetensors")
    (tmp_path / "masks.safetensors").write_text("masks")
    with pytest.raises(InputError, match="is not a safetensors file of masks"):
        load_masks(tmp_path / "masks.safetensors")
    save_masks({"w": torch.tensor([True])}, tmp_path / "masks.safetensors")
    assert load_masks(tmp_path / "masks.safetensors")["w"].tolist() == [True]


def test_a_copy_with_csr_matrices_computes_the_same():
    model, optimizer, _ = attached(density=0.1)
    train(model, optimizer, 12)
    model.eval()
    fast = csr_copy(model)
    assert fast[0].weight.layout == torch.sparse_csr
    assert fast[0].weight._nnz() < 100
    assert model[0].weight.layout == torch.strided
    inputs = batch(99)[0]
    torch.testing.assert_close(fast(inputs), model(inputs))


@pytest.mark.parametrize("layers", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_a_copy_computes_the_same_where_attention_reads_weights_in_its_own_way(layers):
    torch.manual_seed(1)
    model, inputs = layers(8, 2, 16, batch_first=True).eval(), torch.randn(3, 5, 8)
    arguments = [inputs] * (2 if layers is nn.TransformerDecoderLayer else 1)
    torch.testing.assert_close(csr_copy(model)(*arguments), model(*arguments))


@pytest.mark.parametrize("shape", [(12,), (5, 12), (2, 5, 12), (2, 3, 5, 12)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_copy_takes_inputs_of_any_shape_and_order_in_memory(shape, bias):
    model = nn.Linear(12, 7, bias=bias)
    inputs = torch.randn(shape)
    turned = torch.randn(shape[::-1]).permute(*range(len(shape))[::-1])
    for each in (inputs, turned):
        torch.testing.assert_close(csr_copy(model)(each), model(each))


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm, nn.utils.spectral_norm])
def test_a_copy_computes_the_same_where_a_weight_is_computed(norm):
    model, inputs = nn.Sequential(norm(nn.Linear(3, 4)), nn.Linear(4, 4)).eval(), torch.randn(2, 3)
    fast = csr_copy(model)
    assert fast[1].weight.layout == torch.sparse_csr
    torch.testing.assert_close(fast(inputs), model(inputs))


def test_a_layer_that_torch_cannot_multiply_so_is_refused_by_name():
    with pytest.raises(InputError, match="layer 0 is in bfloat16"):
        csr_copy(nn.Sequential(nn.Linear(3, 2, dtype=torch.bfloat16)))


def test_an_average_of_weights_can_be_masked_as_the_model_is():
    model, optimizer, sparse = attached()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for step in range(9):
        train(model, optimizer, 1, first=step)
        average.update_parameters(model)
    weight = dict(average.module.named_parameters())["0.weight"]
    assert weight[~sparse.masks["0.weight"]].any()
    sparse.apply_masks(average)
    assert not weight[~sparse.masks["0.weight"]].any()
    assert weight[sparse.masks["0.weight"]].any()


def test_a_model_with_a_part_called_module_can_be_copied_and_masked():
    model = nn.Sequential(OrderedDict(module=perceptron()))
    model, optimizer, sparse = attached(model)
    copied, average = copy.deepcopy(model), AveragedModel(model)
    train(model, optimizer, 3)
    for each, whole in ((copied, copied), (average, average.module)):
        sparse.apply_masks(each)
        assert all(not whole.get_parameter(name).detach()[~mask].any() for name, mask in sparse.masks.items())


def test_a_model_that_is_no_copy_cannot_be_masked():
    _, _, sparse = attached()
    with pytest.raises(InputError, match=r"the model has no weight 0\.weight of shape"):
        sparse.apply_masks(nn.Sequential(nn.Linear(3, 3)))
