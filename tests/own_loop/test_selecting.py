"""What becomes sparse, and at which density."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from criteria import InputError, Rules, SparseTraining
from criteria.distribution import layer_counts
from tests.own_loop.nets import Transformer, attached, perceptron, train


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def sparse_names(model, optimizer=None, **settings):
    settings = {"density": 0.5, "update_period": None, **settings}
    return list(SparseTraining(model, optimizer or sgd(model), **settings).masks)


class Language(nn.Module):
    """An embedding whose weight may be that of the last layer, too."""

    def __init__(self, tied):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 6), nn.Linear(6, 9, bias=False)
        if tied:
            self.head.weight = self.embed.weight


def test_a_training_of_tied_weights_goes_on_from_its_state_and_from_its_masks():
    names = ["embed.weight", "head.weight"]
    model = Language(tied=True)
    sparse = SparseTraining(model, sgd(model), density=0.5, update_period=None, include=names)
    for given in ({"state": sparse.state_dict()}, {"masks": sparse.finalize()}):
        again = Language(tied=True)
        masks = SparseTraining(again, sgd(again), update_period=None, **given).masks
        assert all(torch.equal(mask, masks[name]) for name, mask in sparse.masks.items())


def test_a_weight_is_trained_once_under_whatever_name():
    model = nn.Sequential(nn.Linear(4, 4))
    optimizer = sgd(model)
    sparse = SparseTraining(model, optimizer, update_period=None)
    with pytest.raises(InputError, match="in a sparse training already"):
        SparseTraining(model[0], optimizer, update_period=None)
    sparse.finalize()
    SparseTraining(model[0], optimizer, update_period=None)


def test_two_models_with_the_same_names_share_an_optimizer():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
    trainings = [SparseTraining(model, optimizer, update_period=None) for model in (first, second)]
    assert [list(training.masks) for training in trainings] == [["weight"], ["weight"]]


def test_weights_in_channels_last_keep_their_number_with_a_constant_fan_in():
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 4, 3)).to(memory_format=torch.channels_last)
    optimizer, rules = sgd(model), Rules(fan_in="constant")
    SparseTraining(model, optimizer, density=0.3, update_period=None, rules=rules).finalize()
    sparse = SparseTraining(model, optimizer, masks="nonzero", rules=rules, update_period=1, total_steps=9)
    before = sparse.densities()
    for _ in range(3):
        model(torch.randn(2, 4, 8, 8)).square().mean().backward()
        optimizer.step()
    assert sparse.densities() == before


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(2, 3, 2), nn.Conv2d(2, 3, 2), nn.Conv3d(2, 3, 2), nn.ConvTranspose1d(2, 3, 2)]
        )
        self.norm = nn.BatchNorm2d(4)
        self.embed = nn.Embedding(5, 4)
        self.attention = nn.MultiheadAttention(4, 2, kdim=3, vdim=3, add_bias_kv=True)
        self.free = nn.Parameter(torch.ones(3, 3))


def test_by_default_linear_and_convolutional_layers_and_attentions_projections_are_sparse():
    assert sparse_names(Everything()) == [
        *(f"convolutions.{i}.weight" for i in range(4)),
        "attention.q_proj_weight",
        "attention.k_proj_weight",
        "attention.v_proj_weight",
        "attention.out_proj.weight",
    ]
    assert sparse_names(Transformer())[:3] == [
        "embed.weight",
        "block.self_attn.in_proj_weight",
        "block.self_attn.out_proj.weight",
    ]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"include": nn.Embedding}, ["embed.weight"]),
        ({"include": "free"}, ["free"]),
        ({"include": ["convolutions.0", nn.Embedding]}, ["convolutions.0.weight", "embed.weight"]),
        ({"include": "conv*.[12]"}, ["convolutions.1.weight", "convolutions.2.weight"]),
        ({"include": "attention", "exclude": "*.out_proj"}, [f"attention.{x}_proj_weight" for x in "qkv"]),
        ({"exclude": ["convolutions", nn.MultiheadAttention, "nothing"][:2]}, None),
        ({"exclude": [nn.Conv1d, nn.Conv3d, nn.ConvTranspose1d, "attention"]}, ["convolutions.1.weight"]),
    ],
)
def test_layers_are_included_and_excluded_by_type_name_and_pattern(settings, names):
    if names is None:
        with pytest.raises(InputError, match="no weight of the model that the optimizer trains is selected"):
            sparse_names(Everything(), **settings)
    else:
        assert sparse_names(Everything(), **settings) == names


def parametrized():
    return nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 4)), nn.Linear(4, 4))


def parametrized_attention():
    attention = parametrizations.weight_norm(nn.MultiheadAttention(4, 2), "in_proj_weight")
    return nn.Sequential(attention, nn.Linear(4, 4))


def pruned():
    return nn.Sequential(prune.identity(nn.Linear(3, 4), "weight"), nn.Linear(4, 4))


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (perceptron(), {"include": "fc9"}, "the model has no weight or module 'fc9'; its weights are: 0.weight"),
        (Everything(), {"exclude": "atention"}, "did you mean 'attention'"),
        (perceptron(), {"include": "2.weight"}, "weight 2.weight is not a matrix of real numbers"),
        (perceptron(), {"include": None}, "None selects no weights; give names, patterns or types of modules"),
        (perceptron(), {"include": nn.Linear(1, 1)}, r"Linear\(.*\) selects no weights"),
        (perceptron(), {"include": [3]}, "3 selects no weights; give a name, a pattern or a type of module"),
        (Language(tied=True), {}, "weight head.weight is shared with embed.weight, which is not selected; include"),
        (nn.Sequential(nn.LSTM(3, 4)), {}, "is selected; its matrices are in layers of the types LSTM, which include="),
        (nn.Sequential(nn.Linear(3, 4)), {"exclude": "*"}, "is selected; look at include and exclude"),
        (parametrized(), {}, "the weight of layer 0 is computed from other tensors"),
        (pruned(), {}, "the weight of layer 0 is computed from other tensors"),
        (parametrized_attention(), {}, "the weight of layer 0 is computed from other tensors"),
        (nn.Sequential(nn.Linear(3, 4, device="meta")), {}, "weight 0.weight is on the meta device, without numbers"),
        (nn.Sequential(nn.LazyLinear(4)), {}, "weight 0.weight has no shape yet; let the model see one batch first"),
        (nn.Sequential(nn.Linear(3, 4).requires_grad_(False)), {"include": "0.weight"}, "weight 0.weight is frozen"),
    ],
)
def test_what_cannot_be_sparse_is_refused_in_one_line(model, settings, message):
    optimizer = torch.optim.SGD([*model.parameters(), torch.ones(1)], lr=0.1)
    with pytest.raises(InputError, match=message) as refused:
        sparse_names(model, optimizer, **settings)
    assert "\n" not in str(refused.value)


def test_a_weight_under_two_names_has_one_mask():
    names = sparse_names(Language(tied=True), include=[nn.Linear, nn.Embedding])
    assert names == ["embed.weight"]
    assert sparse_names(Language(tied=False), include=[nn.Linear, nn.Embedding]) == ["embed.weight", "head.weight"]


@pytest.mark.parametrize("model", [parametrized(), pruned()])
def test_a_layer_whose_weight_is_computed_can_be_left_out(model):
    assert sparse_names(model, exclude="0") == ["1.weight"]


def test_what_the_optimizer_does_not_train_stays_as_it_is():
    model = perceptron()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    head = torch.optim.SGD([*model[0].parameters(), *model[5].parameters()], lr=0.1)
    assert sparse_names(model, head) == ["5.weight"]
    assert torch.equal(model[0].weight, before)


def test_frozen_weights_that_are_no_matrix_of_real_numbers_stay_as_they_are():
    """A model in four bits, of which adapters are trained, has such linear layers."""
    packed, shapeless = nn.Linear(4, 4), nn.LazyLinear(4)
    packed.weight = nn.Parameter(torch.zeros(8, 1, dtype=torch.uint8), requires_grad=False)
    model = nn.Sequential(packed, shapeless, nn.Linear(4, 4))
    assert sparse_names(model, sgd(model[2])) == ["2.weight"]


def test_new_masks_for_weights_that_a_training_by_another_optimizer_holds_are_refused():
    model = perceptron()
    first = SparseTraining(model, sgd(model), update_period=None)
    weights = [weight.clone() for weight in model.parameters()]
    with pytest.raises(InputError, match="sparse training by another optimizer, and new masks would cut down"):
        SparseTraining(model, sgd(model), update_period=None, seed=7)
    assert all(map(torch.equal, weights, model.parameters()))
    SparseTraining(model, sgd(model), update_period=None, masks=first.masks)


def test_a_training_that_nobody_has_any_more_holds_nothing():
    model = perceptron()
    for seed in range(3):
        SparseTraining(model, sgd(model), update_period=None, seed=seed)


def test_two_trainings_of_one_weight_are_refused_and_of_different_ones_are_not():
    model = perceptron()
    optimizer = sgd(model)
    first = SparseTraining(model, optimizer, update_period=None, include="0")
    second = SparseTraining(model, optimizer, update_period=None, include="3")
    with pytest.raises(InputError, match="in a sparse training already; finalize"):
        SparseTraining(model, optimizer, update_period=None)
    first.finalize()
    second.finalize()
    SparseTraining(model, optimizer, update_period=None)


@pytest.mark.parametrize("distribution", ["erk", "er", "uniform"])
@pytest.mark.parametrize("density", [0.05, 0.31, 1.0])
def test_density_is_exact_and_shared_out_as_asked(distribution, density):
    model, _, sparse = attached(density=density, distribution=distribution)
    shapes = {name: tuple(mask.shape) for name, mask in sparse.masks.items()}
    assert {n: int(m.sum()) for n, m in sparse.masks.items()} == layer_counts(shapes, density, distribution)
    weights = dict(model.named_parameters())
    assert all(torch.equal(weights[name] != 0, mask) for name, mask in sparse.masks.items())


def test_an_unknown_distribution_is_refused_in_one_line():
    with pytest.raises(InputError, match="distribution is 'erdos'; it can be: erk, er, uniform"):
        attached(distribution="erdos")


def test_densities_can_be_given_by_name_and_pattern():
    _, _, sparse = attached(density={"0": 0.5, "5.weight": 1, "*": 0.1})
    assert sparse.densities() == {"0.weight": 0.5, "3.weight": 0.1, "5.weight": 1.0}
    assert sparse.density == (96 + 16 + 40) / (192 + 160 + 40)


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (0.0, "density is 0.0; it must be above 0 and at most 1"),
        (1.5, "density is 1.5; it must be above 0"),
        ({"0": 0.5}, "density gives none for weight 3.weight"),
        ({"*": 0.5, "7": 0.5}, "density has a value for '7', which is no sparse weight"),
        ({nn.Linear: 0.5}, r"density has a value for <class .*Linear'>, which is no sparse weight"),
        ({"*": 2}, "density of \\* is 2; it must be above 0"),
    ],
)
def test_a_density_that_cannot_be_is_refused(density, message):
    with pytest.raises(InputError, match=message):
        attached(density=density)


def test_numbers_of_numpy_mean_what_those_of_python_mean():
    plain = {"density": 0.25, "update_period": 3, "total_steps": 60, "prune_fraction": 0.25, "seed": 7}
    kinds = {float: (np.float64, np.float32), int: (np.int64, np.int32)}
    wanted = trained_masks(**plain)
    for index in range(2):
        masks = trained_masks(**{name: kinds[type(value)][index](value) for name, value in plain.items()})
        assert all(torch.equal(mask, wanted[name]) for name, mask in masks.items())


def trained_masks(**settings):
    model, optimizer, sparse = attached(**settings)
    train(model, optimizer, 6)
    return sparse.masks


def test_given_masks_stay_where_nothing_is_updated():
    model, _, first = attached(density=0.2)
    masks = {name: mask.clone().float() for name, mask in first.masks.items() if name != "3.weight"}
    model, optimizer, sparse = attached(masks=masks, update_period=None, total_steps=None)
    train(model, optimizer, 5)
    assert sorted(sparse.masks) == ["0.weight", "5.weight"]
    assert all(torch.equal(model.get_parameter(n) != 0, mask.bool()) for n, mask in masks.items())
    assert sparse.history == []


def test_a_model_that_was_pruned_before_keeps_its_zeros():
    model = perceptron()
    zeros = torch.rand(16, 12) < 0.5
    with torch.no_grad():
        model[0].weight[zeros] = 0
    model, optimizer, sparse = attached(model, masks="nonzero", update_period=None, total_steps=None)
    train(model, optimizer, 5)
    assert torch.equal(model[0].weight == 0, zeros)
    assert sparse.densities()["3.weight"] == 1.0


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"0.weight": torch.ones(2, 2)}, r"the mask of 0.weight has shape \(2, 2\), the weight \(16, 12\)"),
        ({"0.weight": torch.full((16, 12), 0.5)}, "the mask of 0.weight has values other than 0 and 1"),
        ({"8.weight": torch.ones(2, 2)}, "the model has no weight or module '8.weight'"),
        ({"0.weight": [[1]]}, "the mask of 0.weight is a list; it must be a tensor"),
        ("magnitude", "masks is 'magnitude'; it can be a dictionary of masks, or 'nonzero'"),
        (3, "masks is 3; it can be a dictionary of masks, or 'nonzero'"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks, message):
    with pytest.raises(InputError, match=message):
        attached(masks=masks)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"criterion": "magnitud"}, "did you mean 'magnitude'"),
        ({"growth": 3}, "growth is 3; it can be the name of an installed one or an instance"),
        ({"update_period": 0}, "update_period is 0; it must be a number of optimizer steps"),
        ({"total_steps": None}, "the prune fraction follows a schedule, which needs total_steps"),
        ({"prune_fraction": "cubic"}, "by name it can be: cosine, linear, constant"),
        ({"prune_fraction": 1.5}, "prune_fraction is 1.5; it must be from 0 to 1"),
        (
            {"prune_fraction": None},
            "prune_fraction is None; it can be: cosine, linear, constant, a number, or an object",
        ),
        ({"seed": -1}, "seed is -1; it must be a whole number"),
        ({"criterion": "grasp"}, "differentiates the loss twice; give loss="),
        ({"bias_correction": "mine"}, "bias_correction is 'mine'; it can be: shared, own"),
        ({"bias_correction": "own"}, "needs moments that start at zero"),
        ({"synchronise": True}, "torch.distributed has not been started"),
        ({"rules": {}}, "rules is {}; it must be criteria.Rules"),
        ({"criterion": "grasp", "loss": 3}, "loss is 3; it must be a function of a temperature"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(settings, message):
    with pytest.raises(InputError, match=message):
        attached(**settings)


def test_what_is_no_optimizer_and_what_keeps_no_state_by_weight_is_refused():
    model = perceptron()
    with pytest.raises(InputError, match="int is not an optimizer of torch"):
        SparseTraining(model, 3, update_period=None)
    with pytest.raises(InputError, match="int is not a module of torch; give the model that is trained"):
        SparseTraining(3, sgd(model), update_period=None)
    with pytest.raises(InputError, match="L-BFGS takes many gradients"):
        SparseTraining(model, torch.optim.LBFGS(model.parameters()), update_period=None)
