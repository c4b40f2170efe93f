"""What counts as a step, and what loops do around one."""

import copy
import warnings
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import criteria
from criteria import Criterion, InputError, Rules, SparseTraining
from criteria.errors import PluginError
from criteria.schedule import PruneFraction
from tests.own_loop.nets import (
    OPTIMIZERS,
    Transformer,
    attached,
    backward,
    batch,
    convolutional,
    inactive_are_zero,
    perceptron,
    train,
)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("make", [perceptron, convolutional, Transformer])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("criterion", ["magnitude", "mest"])
def test_over_sixty_steps_density_is_exact_inactive_are_zero_and_nothing_pruned_is_active(make, optimizer, criterion):
    model = make()
    model(batch(0)[0])
    counts = None
    model, optimizer, sparse = attached(model, optimizer, criterion=criterion, density=0.2)
    counts = {name: int(mask.sum()) for name, mask in sparse.masks.items()}
    for step in range(60):
        before = {name: mask.clone() for name, mask in sparse.masks.items()}
        weights = {name: model.get_parameter(name).detach().clone() for name in before}
        train(model, optimizer, 1, first=step)
        assert {name: int(mask.sum()) for name, mask in sparse.masks.items()} == counts
        assert inactive_are_zero(model, sparse)
        if (step + 1) % 3:
            assert all(torch.equal(mask, before[name]) for name, mask in sparse.masks.items())
        else:
            replaced = {n: int((before[n] & ~mask).sum()) for n, mask in sparse.masks.items()}
            assert replaced == sparse.history[-1].replaced
        assert any(not torch.equal(model.get_parameter(name), weight) for name, weight in weights.items())
    assert [update.step for update in sparse.history] == list(range(3, 61, 3))
    assert sum(sum(update.replaced.values()) for update in sparse.history) > 60


@dataclass
class Order(Criterion):
    """Notes whether the weights that it sees have taken the step of the gradient that it sees."""

    def score(self, layer):
        ORDER.append((layer.step, layer.weight.clone(), layer.grad.clone()))
        return layer.weight.abs()


class GradientOrder(Order):
    requires_grad = True


ORDER = []


@pytest.mark.parametrize("criterion", [Order, GradientOrder])
def test_a_criterion_that_reads_the_gradient_comes_before_the_step_and_another_after(criterion):
    ORDER.clear()
    model, optimizer, _ = attached(optimizer="sgd", criterion=criterion(), density=1.0, update_period=1)
    before = model[0].weight.detach().clone()
    optimizer.zero_grad()
    backward(model, 0)
    optimizer.step()
    step, seen, grad = ORDER[0]
    assert step == 1
    expected = before if criterion is GradientOrder else before - 0.1 * grad
    torch.testing.assert_close(seen, expected)


class LateGradient(Order):
    """Reads the gradient, and looks at every step after it was taken."""

    requires_grad = True
    updates_before_step = False

    def observe(self, layer):
        ORDER.append((layer.step, layer.weight.clone(), layer.grad.clone()))


def test_after_the_step_a_criterion_still_sees_the_gradient_of_the_backward_pass():
    """Nesterov's step over several tensors at once, which a GPU takes, writes into the gradients."""
    ORDER.clear()
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, foreach=True)
    SparseTraining(
        model, optimizer, criterion=LateGradient(), growth="random", density=0.5, update_period=2, total_steps=100
    )
    for step in range(2):
        ORDER.clear()
        optimizer.zero_grad()
        backward(model, step)
        gradient = model[0].weight.grad.clone()
        optimizer.step()
        assert all(torch.equal(seen, gradient) for _, _, seen in ORDER if seen.shape == gradient.shape)
        assert len(ORDER) >= 1 + step


def test_accumulated_micro_batches_are_one_step():
    model, optimizer, sparse = attached(update_period=2)
    for micro in range(12):
        backward(model, micro)
        if micro % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
    assert sparse.step == 4
    assert [update.step for update in sparse.history] == [2, 4]


@pytest.mark.parametrize("criterion", ["magnitude", "mest"])
@pytest.mark.parametrize("positional", [True, False])
def test_a_closure_gives_what_a_plain_step_gives(criterion, positional):
    model, optimizer, sparse = attached(criterion=criterion)
    other, plain, _ = attached(criterion=criterion)
    for step in range(9):

        def closure(step=step):
            optimizer.zero_grad()
            return backward(model, step)

        loss = optimizer.step(closure) if positional else optimizer.step(closure=closure)
        assert isinstance(loss, torch.Tensor)
    train(other, plain, 9)
    assert same(model, other)
    assert len(sparse.history) == 3


class Scaled:
    """A loop with a gradient scaler, in which some steps overflow."""

    def __init__(self, fused, overflowing=(), **settings):
        self.model = perceptron()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, fused=fused)
        self.sparse = SparseTraining(self.model, self.optimizer, density=0.3, update_period=3, **settings)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000)
        self.overflowing = overflowing

    def train(self, steps, unscale=False):
        for step in range(steps):
            self.optimizer.zero_grad()
            inputs, targets = batch(step)
            loss = nn.functional.cross_entropy(self.model(inputs), targets)
            self.scaler.scale(loss * (float("inf") if step in self.overflowing else 1)).backward()
            if unscale:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.model.parameters(), 1e6)
            self.scaler.step(self.optimizer)
            self.scaler.update()


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("criterion", ["magnitude", "mest(lambda_=1.0)", "running_snip"])
def test_a_step_that_the_scaler_skips_counts_as_none(fused, criterion):
    loop = Scaled(fused, overflowing=(2, 5, 6), criterion=criterion, total_steps=20)
    loop.train(12)
    assert loop.sparse.step == 9
    assert [update.step for update in loop.sparse.history] == [3, 6, 9]
    assert not any(update.skipped for update in loop.sparse.history)
    assert inactive_are_zero(loop.model, loop.sparse)


@pytest.mark.parametrize("unscale", [False, True])
def test_a_fused_optimizer_with_a_scaler_shows_criteria_the_unscaled_gradient(unscale):
    """|θ| + λ|g| with a gradient that is still multiplied by 1024 would be another criterion."""
    plain, fused = (Scaled(way, criterion="mest", total_steps=20) for way in (False, True))
    plain.train(9, unscale)
    fused.train(9, unscale)
    for name, mask in plain.sparse.masks.items():
        assert torch.equal(mask, fused.sparse.masks[name])


class AsFabricWrapsIt(nn.Module):
    def __init__(self, model):
        super().__init__()
        self._forward_module = model

    def forward(self, inputs):
        return self._forward_module(inputs)


def test_a_model_in_fabrics_wrapper_has_the_names_of_the_plain_one():
    model = perceptron()
    wrapped, optimizer = AsFabricWrapsIt(model), torch.optim.SGD(model.parameters(), lr=0.1)
    sparse = SparseTraining(wrapped, optimizer, density=0.3, update_period=3, total_steps=30)
    train(wrapped, optimizer, 9)
    assert list(sparse.masks) == ["0.weight", "3.weight", "5.weight"]
    copied = copy.deepcopy(wrapped)
    torch.nn.init.ones_(copied._forward_module[0].weight)
    sparse.apply_masks(copied)
    assert torch.equal(copied._forward_module[0].weight != 0, sparse.masks["0.weight"])


def test_a_compiled_model_has_the_masks_and_names_of_the_plain_one():
    model, other = perceptron(), perceptron()
    compiled = torch.compile(model, backend="aot_eager")
    optimizer, plain = (torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (model, other))
    one = SparseTraining(compiled, optimizer, density=0.3, update_period=3, total_steps=30)
    two = SparseTraining(other, plain, density=0.3, update_period=3, total_steps=30)
    keys = list(model.state_dict())
    train(compiled, optimizer, 9)
    train(other, plain, 9)
    assert list(model.state_dict()) == keys
    assert list(one.masks) == ["0.weight", "3.weight", "5.weight"]
    assert all(torch.equal(mask, two.masks[name]) for name, mask in one.masks.items())
    assert inactive_are_zero(model, one)


def test_weights_that_move_to_another_dtype_or_device_take_their_masks_along():
    model, optimizer, sparse = attached()
    train(model, optimizer, 4)
    model.double()
    for state in optimizer.state.values():
        state["momentum_buffer"] = state["momentum_buffer"].double()
    for step in range(4, 10):
        optimizer.zero_grad()
        inputs, targets = batch(step)
        nn.functional.cross_entropy(model(inputs.double()), targets).backward()
        optimizer.step()
    assert inactive_are_zero(model, sparse)
    assert len(sparse.history) == 3


@pytest.mark.cuda
@pytest.mark.parametrize("criterion", ["magnitude", "running_snip"])
def test_a_model_that_moves_to_a_gpu_and_back_stays_sparse(criterion):
    model, optimizer, sparse = attached(criterion=criterion)
    for device in ("cpu", "cuda", "cpu"):
        model.to(device)
        for state in optimizer.state.values():
            state["momentum_buffer"] = state["momentum_buffer"].to(device)
        for step in range(6):
            optimizer.zero_grad()
            inputs, targets = batch(step)
            nn.functional.cross_entropy(model(inputs.to(device)), targets.to(device)).backward()
            optimizer.step()
        assert sparse.masks["0.weight"].device.type == device
        assert inactive_are_zero(model, sparse)
    assert len(sparse.history) == 6
    assert not any(update.skipped for update in sparse.history)


def test_training_in_bfloat16_keeps_the_density():
    model, optimizer, sparse = attached(perceptron().bfloat16(), "adamw", criterion="mest")
    before = sparse.densities()
    for step in range(9):
        optimizer.zero_grad()
        inputs, targets = batch(step)
        nn.functional.cross_entropy(model(inputs.bfloat16()).float(), targets).backward()
        optimizer.step()
    assert sparse.densities() == before
    assert inactive_are_zero(model, sparse)


@pytest.mark.parametrize("criterion", ["magnitude", "running_snip"])
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # torch's own
def test_an_embedding_with_sparse_gradients_trains_as_one_with_dense_ones(criterion):
    masks = []
    for sparse_gradients in (True, False):
        torch.manual_seed(0)
        model = nn.Embedding(9, 6, sparse=sparse_gradients)
        made = torch.optim.Adagrad(model.parameters())
        how = {"criterion": criterion, "include": nn.Embedding, "density": 0.3, "update_period": 2, "total_steps": 20}
        sparse = SparseTraining(model, made, **how)
        for step in range(8):
            made.zero_grad()
            words = torch.arange(9).repeat(2)
            (model(words) - batch(step, 18)[0][:, :6]).square().mean().backward()
            made.step()
            assert inactive_are_zero(model, sparse)
        assert [update.skipped for update in sparse.history] == [""] * 4
        masks.append(sparse.masks["weight"])
    assert torch.equal(*masks)


def test_a_layer_that_is_frozen_on_the_way_keeps_its_mask_and_its_zeros():
    model, optimizer, sparse = attached()
    train(model, optimizer, 3)
    model[0].requires_grad_(False)
    model[0].weight.grad = None
    mask, weight = sparse.masks["0.weight"].clone(), model[0].weight.clone()
    train(model, optimizer, 6, first=3)
    assert torch.equal(sparse.masks["0.weight"], mask)
    assert torch.equal(model[0].weight, weight)
    assert set(sparse.history[-1].replaced) == {"3.weight", "5.weight"}


def test_a_frozen_layer_keeps_its_weights_also_where_its_gradient_stays_as_zeros():
    model, optimizer, sparse = attached(optimizer="sgd")
    train(model, optimizer, 3)
    model[0].requires_grad_(False)
    mask, weight = sparse.masks["0.weight"].clone(), model[0].weight.clone()
    for step in range(3, 9):
        optimizer.zero_grad(set_to_none=False)
        backward(model, step)
        optimizer.step()
    assert model[0].weight.grad is not None
    assert torch.equal(sparse.masks["0.weight"], mask)
    assert torch.equal(model[0].weight, weight)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("criterion", ["magnitude", "mest"])
def test_momentum_growth_does_not_grow_at_random_where_the_optimizer_has_no_momentum(optimizer, criterion):
    model, optimizer, _ = attached(optimizer=optimizer, criterion=criterion, growth="momentum")
    with pytest.raises(InputError, match=r"MomentumGrowth\(\) reads the optimizer's momentum, and this .* keeps none"):
        train(model, optimizer, 1)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "rmsprop"])
def test_momentum_growth_takes_the_momentum_of_any_optimizer_that_has_one_also_of_a_layer_that_joins(optimizer):
    model, optimizer, sparse = attached(optimizer=optimizer, criterion="mest", growth="momentum")
    model[0].requires_grad_(False)
    train(model, optimizer, 5)
    model[0].requires_grad_(True)
    train(model, optimizer, 4, first=5)
    assert "0.weight" not in sparse.history[0].replaced
    assert sparse.history[1].replaced["0.weight"] > 0


def test_masks_that_stay_need_no_momentum():
    model, optimizer, sparse = attached(optimizer="sgd", growth="momentum", update_period=None)
    train(model, optimizer, 3)
    assert sparse.step == 3


def test_several_parameter_groups_with_settings_of_their_own():
    model = perceptron()
    groups = [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[5].parameters(), "weight_decay": 0.1}]
    optimizer = torch.optim.AdamW(groups, lr=0.1)
    sparse = SparseTraining(model, optimizer, density=0.3, update_period=2, total_steps=20)
    train(model, optimizer, 8)
    assert list(sparse.masks) == ["0.weight", "5.weight"]
    assert inactive_are_zero(model, sparse)
    assert len(sparse.history) == 4


@pytest.mark.parametrize("momentum", ["keep", "reset", "mean"])
@pytest.mark.parametrize("optimizer", ["momentum", "adam", "rmsprop", "adagrad"])
def test_what_a_grown_weight_finds_in_the_optimizers_state(momentum, optimizer):
    model, made, sparse = attached(
        optimizer=optimizer, criterion="magnitude", density=0.4, rules=Rules(grown_momentum=momentum)
    )
    train(model, made, 2)
    mask = sparse.masks["0.weight"].clone()
    state = {}

    def note(*_):
        state.update({key: value.clone() for key, value in made.state[model[0].weight].items() if value.dim()})

    note_before_updates = made.register_step_post_hook(note)
    made._optimizer_step_post_hooks.move_to_end(note_before_updates.id, last=False)
    train(model, made, 1, first=2)
    grown = sparse.masks["0.weight"] & ~mask
    survivors = sparse.masks["0.weight"] & mask
    assert grown.any()
    for key, before in state.items():
        now = made.state[model[0].weight][key]
        assert torch.equal(now[~grown], before[~grown])
        wanted = {"keep": before[grown], "reset": 0 * before[grown], "mean": before[survivors].mean().expand(9999)}
        assert torch.equal(now[grown], wanted[momentum][: int(grown.sum())])


def test_an_update_with_numbers_that_are_not_finite_is_left_out_and_says_so():
    model, optimizer, sparse = attached(criterion="mest")
    train(model, optimizer, 2)
    optimizer.zero_grad()
    backward(model, 2)
    model[0].weight.grad[0, 0] = float("nan")
    masks = {name: mask.clone() for name, mask in sparse.masks.items()}
    optimizer.step()
    assert all(torch.equal(mask, masks[name]) for name, mask in sparse.masks.items())
    assert sparse.history[-1].skipped == "weights or gradients are not finite"


def test_after_the_last_step_the_topology_rests_and_zeros_stay():
    model, optimizer, sparse = attached(total_steps=6)
    train(model, optimizer, 15)
    assert [update.step for update in sparse.history] == [3, 6]
    assert inactive_are_zero(model, sparse)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("cosine", PruneFraction().at(3, 60)),
        ("linear", PruneFraction("linear").at(3, 60)),
        (0.25, 0.25),
        (PruneFraction("linear", 0.2, 0.1), 0.195),
        (type("Mine", (), {"at": lambda self, step, total: step / total})(), 0.05),
    ],
)
def test_the_prune_fraction_is_a_schedule_by_name_a_number_or_an_object(given, expected):
    model, optimizer, sparse = attached(prune_fraction=given)
    train(model, optimizer, 3)
    assert sparse.history[0].prune_fraction == pytest.approx(expected)


@pytest.mark.parametrize("given", [1.5, -0.1, float("nan"), None, "half"])
def test_a_schedule_that_gives_no_share_is_blamed_itself(given):
    model, optimizer, _ = attached(prune_fraction=type("Mine", (), {"at": lambda self, step, total: given})())
    with pytest.raises(InputError, match=f"the schedule gives the prune fraction {given!r} at step 3; it must be"):
        train(model, optimizer, 3)


def test_a_number_needs_no_total():
    model, optimizer, sparse = attached(prune_fraction=0.2, total_steps=None)
    train(model, optimizer, 30)
    assert len(sparse.history) == 10


@dataclass
class Failing(Criterion):
    def score(self, layer):
        raise ZeroDivisionError("nothing here")


def test_a_plugin_that_fails_is_named_with_its_step():
    model, optimizer, _ = attached(criterion=Failing())
    with pytest.raises(PluginError, match=r"criterion Failing\(\) with growth .* failed at step 3: nothing here"):
        train(model, optimizer, 3)


@dataclass
class FindsNothing(Criterion):
    hook: str

    def score(self, layer):
        return self._next("score") or layer.weight.abs()

    def observe(self, layer):
        self._next("observe")

    def load_state_dict(self, state):
        self._next("load_state_dict")

    def _next(self, hook):
        return next(each for each in () if each) if hook == self.hook else None


@pytest.mark.parametrize(("hook", "step"), [("score", 3), ("observe", 1), ("load_state_dict", 0)])
def test_a_hook_that_finds_nothing_next_fails_as_any_other(hook, step):
    model, optimizer, sparse = attached(criterion=FindsNothing(hook))
    state = sparse.state_dict()

    def use():
        train(model, optimizer, 3)
        sparse.load_state_dict(state)

    with pytest.raises(PluginError, match=f"failed at step {step}: StopIteration"):
        use()


class Unwritable(Failing):
    def __repr__(self):
        raise ZeroDivisionError("no words")


def test_a_plugin_that_cannot_write_itself_is_named_by_its_class():
    model, optimizer, sparse = attached(criterion=Unwritable())
    assert "criterion Unwritable with growth" in repr(sparse)
    with pytest.raises(PluginError, match=r"criterion Unwritable with growth .* failed at step 3: nothing here"):
        train(model, optimizer, 3)


def test_a_parameter_that_was_replaced_is_noticed():
    model, optimizer, _ = attached()
    model[3].weight = nn.Parameter(torch.ones(10, 16))
    with pytest.raises(InputError, match=r"weight 3\.weight was replaced by another parameter"):
        train(model, optimizer, 3)


def test_an_instance_that_is_given_is_copied():
    mine = criteria.load("running_magnitude")
    model, optimizer, sparse = attached(criterion=mine)
    train(model, optimizer, 2)
    assert mine.state_dict() == {}
    assert list(sparse.state_dict()["criterion"]) == list(sparse.masks)


def test_a_wrapped_optimizer_is_unwrapped():
    class Wrapper(torch.optim.Optimizer):
        def __init__(self, inner):
            self.optimizer = inner

    model = perceptron()
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    sparse = SparseTraining(model, Wrapper(inner), update_period=None)
    train(model, inner, 2)
    assert sparse.step == 2


def test_graSP_leaves_no_trace_of_its_forward_passes():  # noqa: N802
    """Batch-norm's statistics and random streams are those of the loop alone."""
    states = []
    for criterion in ("grasp", "snip"):
        model = nn.Sequential(*perceptron(), nn.Dropout(0.5))
        now = {}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        SparseTraining(
            model,
            optimizer,
            criterion=criterion,
            growth="random",
            density=1.0,
            update_period=2,
            total_steps=10,
            loss=lambda t, model=model, now=now: nn.functional.cross_entropy(model(now["x"]) / t, now["y"]),
        )
        torch.manual_seed(5)
        for step in range(4):
            optimizer.zero_grad()
            now["x"], now["y"] = batch(step)
            backward(model, step)
            optimizer.step()
        states.append((model, torch.get_rng_state()))
    assert same(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


def test_a_scaler_on_a_model_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Scaled(fused=True, total_steps=9).train(3)
