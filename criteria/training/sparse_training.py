"""Dynamic sparse training of any model by any of torch's optimizers, in a loop that exists."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.rules import Distribution, Rules
from criteria.topology import tensors_of, update_layers, write_back
from criteria.training.adam import BiasCorrection, own_ages
from criteria.training.devices import on_device
from criteria.training.export import save_masks
from criteria.training.holding import hold, let_go, require_free, require_same_parameters
from criteria.training.masks import Density, GivenMasks, digest, given_masks, random_masks
from criteria.training.ranks import Ranks
from criteria.training.selecting import SPARSE_LAYERS, Selector, sparse_weights, with_shared_names
from criteria.training.settings import checked_loss, checked_seed, recipe, several
from criteria.training.state import checked_state, require_same_rules, written
from criteria.training.steps import StepHooks, inner_model, inner_optimizer, parameters_of_copy
from criteria.training.updating import (
    Loss,
    Schedule,
    Update,
    hessian_gradients,
    is_finite,
    layers,
    named,
    plugin_errors,
    unscaled,
)
from criteria.training.weight import SparseWeight, mask_weights, require_momentum, require_not_cut_down


class SparseTraining:
    """Keeps a model sparse while it trains, and prunes and grows its weights, by the optimizer's own hooks.

    >>> sparse = SparseTraining(model, optimizer, density=0.1, update_period=100, total_steps=10_000)
    >>> for inputs, targets in loader:
    ...     optimizer.zero_grad()
    ...     loss_of(model(inputs), targets).backward()
    ...     optimizer.step()

    Inactive weights are exactly zero from here on and after every step; modules, parameters and the names in
    ``model.state_dict()`` stay what they are. Gradients are not masked, so the optimizer's state gathers at inactive
    weights too, as in the paper. A criterion that reads the gradient updates before the optimizer step, on the fresh
    gradient, the others after it.

    What is counted are the optimizer's steps: accumulated micro-batches are one, a step that a ``GradScaler`` skips is
    none. Of several processes that train one network the first draws the masks and decides every update.
    """

    # long because it is the public constructor, whose options all have defaults
    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        criterion: Criterion | str = "magnitude",
        growth: Growth | str = "gradient",
        density: Density = 0.1,
        distribution: Distribution = "erk",
        masks: GivenMasks | None = None,
        update_period: int | None = 100,
        total_steps: int | None = None,
        prune_fraction: Schedule | float | str = "cosine",
        rules: Rules | None = None,
        include: Selector | Sequence[Selector] = SPARSE_LAYERS,
        exclude: Selector | Sequence[Selector] = (),
        bias_correction: BiasCorrection = "shared",
        loss: Loss | None = None,
        seed: int = 0,
        synchronise: bool | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Attach to ``model`` and to ``optimizer``, which trains it; inactive weights become zero at once.

        ``criterion`` and ``growth`` are installed ones by name, ``"mest(lambda_=0.1)"``, or instances, which are
        copied. ``density`` is the fraction of weights that are active, shared out by ``distribution``, or a dictionary
        of densities by name or pattern; ``masks`` are given instead where there are some, ``"nonzero"`` for those of a
        model that was pruned before. The topology is updated every ``update_period`` optimizer steps (None: never) up
        to ``total_steps``; ``prune_fraction`` is ``"cosine"``, ``"linear"``, a number that stays, or an object with
        ``at(step, total_steps)``. ``rules`` say what is pruned together, whether pruned weights may grow back, and what
        a grown weight finds in the optimizer's state. ``include`` and ``exclude`` select weights by the type of their
        layer, by name or by pattern. With ``bias_correction="own"`` Adam corrects the moments of each grown weight by
        its own age, which needs them to start at zero; by default grown weights share the tensor's count of steps, so
        moments that start at zero make their first steps three times as large as Adam's first ones. ``loss`` gives the
        loss of the current batch to criteria that differentiate it twice (GraSP). ``synchronise`` says whether all
        processes of ``torch.distributed`` train one network; by default they do where there are several. ``state`` is
        what :meth:`state_dict` gave, for a model whose weights are loaded already: new masks would cut them down.

        Raises :class:`InputError`, one line, for whatever of this does not fit.
        """
        self._model, self._optimizer = inner_model(model), inner_optimizer(optimizer)
        self._ranks = Ranks(synchronise)
        self._recipe = recipe(criterion, growth, rules, prune_fraction, update_period, total_steps)
        self._loss = checked_loss(loss, self._recipe.criterion, self._ranks)
        self._gradients: dict[str, Tensor | None] = {}
        self._ages = own_ages(bias_correction, self._optimizer, self._recipe.rules)
        masks = masks if state is None else checked_state(state)["masks"]
        trained = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        chosen = with_shared_names(self._model, masks) if isinstance(masks, Mapping) else several(include)
        parameters = sparse_weights(self._model, trained, chosen, several(exclude))
        self._seed = self._ranks.all_first(checked_seed(seed), next(iter(parameters.values())).device)
        if masks is None:
            made = random_masks(parameters, density, distribution, self._seed, self._recipe.rules.fan_in)
        else:
            made = given_masks(parameters, masks)
        self._weights = [SparseWeight(name, each, made[name].to(each.device)) for name, each in parameters.items()]
        self._ranks.all_take_first(weight.mask for weight in self._weights)
        for weight in self._weights:
            weight.mask_changed()
        self.step = 0
        """Optimizer steps so far."""
        self.history: list[Update] = []
        """The topology updates so far."""
        require_free(self._optimizer, self._weights, drawn=masks is None)
        self._before = [weight.parameter.detach() != 0 for weight in self._weights]
        """Where weights were not zero before they were attached; nothing once the training goes on."""
        mask_weights(self._weights)
        if state is not None:
            self.load_state_dict(state)
        hold(self._optimizer, self._weights)
        self._hooks: StepHooks | None = StepHooks(self._optimizer, self._before_step, self._after_step)

    @property
    def masks(self) -> dict[str, Tensor]:
        """The present mask of each sparse weight, bool [*shape], by the name of its parameter; not copied."""
        return {weight.name: weight.mask for weight in self._weights}

    @property
    def density(self) -> float:
        """The fraction of all sparse weights that is active."""
        return sum(int(w.mask.sum()) for w in self._weights) / sum(w.mask.numel() for w in self._weights)

    def densities(self) -> dict[str, float]:
        """The fraction of each sparse weight that is active."""
        return {weight.name: int(weight.mask.sum()) / weight.mask.numel() for weight in self._weights}

    def __repr__(self) -> str:
        counts = f"{len(self._weights)} weights at density {self.density:.4g}"
        return f"SparseTraining({counts}, {self._recipe.plugins}, step {self.step})"

    def __reduce__(self) -> str:
        """No copy, and no pickle: the hooks of the optimizer would not come along."""
        copied = "copy the model and its optimizer, and attach a new one with state=sparse.state_dict()"
        raise InputError(f"a SparseTraining cannot be copied or pickled; {copied}")

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the training depends on, beside the model's and the optimizer's own states.

        Tensors, which are copied, and plain data: ``torch.load(weights_only=True)`` reads it.
        """
        return {
            "step": self.step,
            "seed": self._seed,
            "masks": {name: mask.clone() for name, mask in self.masks.items()},
            "criterion": self._recipe.criterion.state_dict(),
            "growth": self._recipe.growth.state_dict(),
            "history": [update.as_plain() for update in self.history],
            "rules": written(self._recipe, own_ages=self._ages is not None),
            "born": self._ages.state_dict() if self._ages else {},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was taken.

        The weights that the masks belong to have to be loaded after this training was attached, or ``state`` given
        when it was: attaching zeroes all weights that its own first masks leave out.

        Raises :class:`InputError` where ``state`` has no masks, those of other weights, or what another criterion,
        growth or bias correction kept, and changes nothing then.
        """
        parameters = {weight.name: weight.parameter for weight in self._weights}
        masks = given_masks(parameters, checked_state(state)["masks"])
        require_same_rules(state.get("rules", {}), written(self._recipe, own_ages=self._ages is not None))
        if self._before:
            require_not_cut_down(self._weights, self._before, masks)
        history = [Update.of_plain(update) for update in state["history"]]
        criterion, growth = copy.deepcopy((self._recipe.criterion, self._recipe.growth))
        with plugin_errors(f"loading the state of {self._recipe.plugins}", state["step"]):
            criterion.load_state_dict(on_device(state["criterion"], self._device))
            growth.load_state_dict(on_device(state.get("growth", {}), self._device))  # older states have none
        self._recipe = replace(self._recipe, criterion=criterion, growth=growth)
        for weight in self._weights:
            weight.mask.copy_(masks[weight.name])
            weight.mask_changed()
        if self._ages:
            self._ages.load_state_dict(state["born"])
        self.step, self._seed, self.history = state["step"], state["seed"], history
        mask_weights(self._weights)

    @torch.no_grad()
    def apply_masks(self, model: nn.Module | None = None) -> None:
        """Set inactive weights to zero, in this model or in a copy of it, such as an average of its weights (EMA).

        Raises :class:`InputError` for a model without a weight of this name and shape.
        """
        if model is None:
            mask_weights(self._weights)
            return
        found = parameters_of_copy(model, self.masks)
        for name, mask in self.masks.items():
            if name not in found or found[name].shape != mask.shape:
                raise InputError(f"the model has no weight {name} of shape {tuple(mask.shape)}; is it a copy?")
            found[name].mul_(mask.to(found[name].device))

    def save_masks(self, path: str) -> None:
        """Write the masks to a safetensors file, which :func:`~criteria.training.load_masks` reads."""
        save_masks(self.masks, path)

    def finalize(self) -> dict[str, Tensor]:
        """Let go of the optimizer; what is left is a plain model with zeros in place. Returns the last masks.

        No weight is changed: zeros are in place since the last step, and weights of an earlier checkpoint that were
        loaded since then have zeros of their own.
        """
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None
            let_go(self._optimizer, self._weights)
        return self.masks

    @property
    def _device(self) -> torch.device:
        return self._weights[0].parameter.device

    def _before_step(self) -> None:
        self.step += 1
        self._before = []
        how = self._recipe
        if how.criterion.updates_before_optimizer:
            self._observe_and_update()
        elif how.reads_gradients(self.step):
            # torch's optimizers may write into the gradients: Nesterov's step does
            self._gradients = {name: None if g is None else g.clone() for name, g in self._gradients_now().items()}

    def _after_step(self) -> None:
        if self._ages:
            self._ages.correct({weight.name: weight.parameter for weight in self._weights})
        mask_weights(self._weights)
        if self._recipe.reads_momentum:
            require_momentum(self._weights, self._optimizer, self._recipe.growth)
        if not self._recipe.criterion.updates_before_optimizer:
            self._observe_and_update()
        self._gradients = {}

    @torch.no_grad()
    def _observe_and_update(self) -> None:
        how = self._recipe
        due = how.due(self.step)
        if not due and not how.criterion.observes:
            return
        trained = [weight for weight in self._weights if weight.has_gradient]
        for weight in trained:
            weight.follow()
        shown = self._layers(trained)
        if how.criterion.observes:
            with plugin_errors(f"criterion {named(how.criterion)}", self.step):
                for layer in shown:
                    how.criterion.observe(layer)
        if due:
            self._update(trained, shown)

    def _layers(self, trained: Sequence[SparseWeight]) -> list[Layer]:
        products = hessian_gradients(self._model, trained, self._loss) if self._loss is not None else None
        gradients = self._gradients or self._gradients_now()
        return layers(trained, self._optimizer, self.step, self._seed, gradients, products)

    def _gradients_now(self) -> dict[str, Tensor | None]:
        """The gradients that the parameters have, by the name of the weight."""
        scale = self._hooks.gradient_scale if self._hooks else None
        return {weight.name: unscaled(weight.parameter.grad, scale) for weight in self._weights}

    def _update(self, trained: Sequence[SparseWeight], shown: list[Layer]) -> None:
        how, fraction = self._recipe, self._recipe.fraction(self.step)
        require_same_parameters(self._model, self._weights)
        if not self._ranks.all_have(digest(self.masks), self._device):
            raise InputError(f"at step {self.step} the processes have different masks; load the same state in all")
        reason = "" if shown else "no weight has a gradient"
        if shown and not self._ranks.all_agree(is_finite(shown), self._device):
            reason = "weights or gradients are not finite"
        if reason:
            self.history.append(Update(self.step, fraction, skipped=reason))
            return
        with plugin_errors(how.plugins, self.step):
            updates = update_layers(shown, how.criterion, how.growth, fraction, how.rules)
        self._ranks.all_take_first(part for each in updates for part in tensors_of(each))
        for weight, update in zip(trained, updates, strict=True):
            state = list(weight.state(self._optimizer).values())
            write_back(weight.parameter, weight.mask, state, update, how.rules)
            weight.mask_changed()
            if self._ages:
                self._ages.updated(weight.name, weight.parameter, weight.mask, update.grown)
        replaced = {w.name: int(update.pruned.sum()) for w, update in zip(trained, updates, strict=True)}
        self.history.append(Update(self.step, fraction, replaced))
