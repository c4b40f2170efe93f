"""A second engine, as naive as can be: one network after the other, by torch's own loop. It tests the seam."""

import copy
from functools import partial

import torch

from benchmark.models import sparse_layer_names
from benchmark.training.engines.engine import EngineKind
from benchmark.training.initial import initial_masks, initial_networks, topology_stream
from benchmark.training.loss import classification_loss
from criteria import Layer
from criteria.topology import write_back
from tests.training.naive_norms import input_norm


class NaiveEngine:
    def __init__(self, members, setup, dataset, device):
        self.members, self._smoothing = tuple(members), setup.training.label_smoothing
        self._networks = [n.to(device) for n in initial_networks(members, setup.model, dataset.shape, dataset.classes)]
        self._sparse = sparse_layer_names(self._networks[0])
        masks = initial_masks(members, self._networks[0])
        self._masks = [{name: masks[name][i].to(device) for name in self._sparse} for i in range(len(members))]
        chosen = {name: getattr(setup.training, name) for name in ("momentum", "nesterov", "weight_decay")}
        self._optimizers = [torch.optim.SGD(network.parameters(), 1.0, **chosen) for network in self._networks]
        self._seeds = sorted({member.seed for member in members})
        self._best = [copy.deepcopy(network.state_dict()) for network in self._networks]
        self._lost = torch.zeros(len(members), dtype=torch.bool, device=device)
        self._mask_weights()

    def backward(self, batch):
        self._batch = batch
        for member, network in enumerate(self._networks):
            loss = self._loss(member, network.train())
            network.zero_grad()
            loss.backward()
            self._lost[member] |= not loss.isfinite()

    def diverged(self):
        return self._lost

    def layers(self, member, step, needs):
        inputs = self._batch.inputs[self._seeds.index(self.members[member].seed)]
        found = []
        for name in self._sparse:
            weight = self._networks[member].get_parameter(name)
            momentum = self._optimizers[member].state[weight].get("momentum_buffer")
            generator = topology_stream(self.members[member].seed, step, name)
            product = partial(self._hessian_gradient, member, name) if needs.hessian_gradient else None
            mask = self._masks[member][name]
            norm = input_norm(self._networks[member], name, inputs) if needs.input_norms else None
            found.append(Layer(name, weight.detach(), weight.grad, mask, step, generator, momentum, product, norm))
        return found

    def apply(self, member, updates, rules):
        for name, update in zip(self._sparse, updates, strict=True):
            weight = self._networks[member].get_parameter(name)
            state = [x for x in [self._optimizers[member].state[weight].get("momentum_buffer")] if x is not None]
            write_back(weight.detach(), self._masks[member][name], state, update, rules)

    def optimise(self, learning_rate):
        for optimizer in self._optimizers:
            optimizer.param_groups[0]["lr"] = learning_rate
            optimizer.step()
        self._mask_weights()

    def finite(self, member):
        weights = [self._networks[member].get_parameter(name) for name in self._sparse]
        return all(bool(w.isfinite().all() and w.grad.isfinite().all()) for w in weights)

    @torch.no_grad()
    def logits(self, inputs):
        return torch.stack([network.eval()(inputs) for network in self._networks])

    def synchronise(self):
        pass

    def keep_best(self, member):
        self._best[member] = copy.deepcopy(self._networks[member].state_dict())

    def restore_best(self):
        for network, best in zip(self._networks, self._best, strict=True):
            network.load_state_dict(best)

    def masks(self, member):
        return {name: mask.clone() for name, mask in self._masks[member].items()}

    def weights(self, member):
        return {name: weight.detach().clone() for name, weight in self._networks[member].named_parameters()}

    def state_dict(self):
        networks, optimizers = ([each.state_dict() for each in owners] for owners in (self._networks, self._optimizers))
        return {"networks": networks, "optimizers": optimizers, "masks": self._masks, "best": self._best}

    def load_state_dict(self, state):
        for name, owners in (("networks", self._networks), ("optimizers", self._optimizers)):
            for owner, saved in zip(owners, state[name], strict=True):
                owner.load_state_dict(copy.deepcopy(saved))
        self._masks, self._best = copy.deepcopy(state["masks"]), copy.deepcopy(state["best"])

    def _loss(self, member, network, temperature=1.0):
        seed = self._seeds.index(self.members[member].seed)
        logits = network(self._batch.inputs[seed]) / temperature
        return classification_loss(logits[None], self._batch.targets[seed][None], self._smoothing).sum()

    def _hessian_gradient(self, member, name, temperature):
        network = copy.deepcopy(self._networks[member])
        sparse = [network.get_parameter(each) for each in self._sparse]
        with torch.enable_grad():
            gradients = torch.autograd.grad(self._loss(member, network, temperature), sparse, create_graph=True)
            square = torch.stack([(g * g).sum() for g in gradients]).sum() / 2
            return torch.autograd.grad(square, network.get_parameter(name))[0]

    def _mask_weights(self):
        for network, masks in zip(self._networks, self._masks, strict=True):
            for name, mask in masks.items():
                network.get_parameter(name).data.mul_(mask)


NAIVE = EngineKind("naive", NaiveEngine, lambda *_: 4, lambda *_: None)
