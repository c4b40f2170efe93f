"""Kind 7, what it reads: a field that it did not ask for, or values at inactive positions."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from criteria import Criterion, Layer, gradient
from criteria.pruning.magnitude import Magnitude
from tests.contract.right.averages import LARGEST, Averaging, magnitude

BLIND = {"blind_to_inactive"}


class ObservesAnUndeclaredGradient(Averaging):
    """Averages |θ·g| where a gradient happens to be there, and |θ| elsewhere: which it is, others decide."""

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        if layer.grad is not None:
            size = size * torch.where(layer.mask, layer.grad.double().abs().clamp(max=LARGEST), 0)
        before = self.averages.get(layer.name)
        self.averages[layer.name] = size if before is None else torch.lerp(size, before, 0.9)


class MisspeltDeclaration(Criterion):
    """Asks for the gradient under a name that nobody reads."""

    require_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight * gradient(layer)).abs()


class DecidesTiesByTheGradient(Magnitude):
    """Among weights of one octave the smaller gradient goes first, where there is one: it is not declared."""

    def score(self, layer: Layer) -> Tensor:
        octave = layer.weight.double().abs().log2().floor().clamp(min=-200)
        if layer.grad is None:
            return octave
        grad = torch.where(layer.mask, layer.grad.double().abs(), 0)
        return octave + grad / (2 * (1 + grad))


class MomentumBesideItsLargest(Criterion):
    """|θ| + |m| / max |m|, where the largest may be that of an inactive position."""

    def score(self, layer: Layer) -> Tensor:
        if layer.momentum is None:
            return layer.weight.double().abs()
        momentum = layer.momentum.double().abs()
        return layer.weight.double().abs() + momentum / momentum.amax().clamp(min=1e-300)


class CurvatureBesideItsMean(Criterion):
    """|θ| + |Hg| / mean |Hg|, the mean of all positions, where inactive weights have a product too."""

    requires_grad: ClassVar[bool] = True
    requires_hessian_gradient: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        assert layer.hessian_gradient is not None
        product = layer.hessian_gradient(1.0).double().abs()
        return layer.weight.double().abs() + product / product.mean().clamp(min=1e-300)


class SmoothsKernelRows(Criterion):
    """The gradient is averaged over three places of a row of the kernel, active or not; kernels are 3 or wider."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size = gradient(layer).double().abs()
        if size.dim() != 4 or size.shape[3] < 3:
            return size
        return F.avg_pool2d(size, (1, 3), stride=1, padding=(0, 1))


class CentresEachUnit(Criterion):
    """|g − mean g| with the mean of an output unit, to which inactive positions contribute."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        grad = gradient(layer).double()
        return (grad - grad.mean(tuple(range(1, grad.dim())), keepdim=True)).abs() if grad.dim() > 1 else grad.abs()


class ClipsAtAQuantile(Criterion):
    """|θ·g| with gradients clipped at nine tenths of their distribution, that of all positions."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size = gradient(layer).double().abs()
        most = size.flatten().sort().values[int(0.9 * (size.numel() - 1))]
        return layer.weight.double().abs() * size.clamp(max=most)


class NonZeroMeansActive(Magnitude):
    """Takes weights that are not zero for the active ones: an active weight may be zero, and fewer are pruned."""

    def select(self, layer: Layer, n: int) -> Tensor:
        chosen = (layer.weight != 0) & layer.mask
        order = torch.where(chosen, self.score(layer), torch.inf).flatten().argsort()
        pruned = torch.zeros_like(layer.mask).flatten()
        pruned[order[: min(n, int(chosen.sum()))]] = True
        return pruned.view(layer.mask.shape)


class DrawsOnTheLayersDevice(Criterion):
    """Draws on the device of the weight with the generator, which is on the CPU: on a GPU that fails."""

    def score(self, layer: Layer) -> Tensor:
        return torch.rand(
            layer.weight.shape, generator=layer.generator, device=layer.weight.device, dtype=torch.float32
        )


class RemembersTheLargestEver(Averaging):
    """Divides by the largest gradient of a layer so far, at whatever position it was."""

    requires_grad: ClassVar[bool] = True

    def observe(self, layer: Layer) -> None:
        largest = gradient(layer).double().abs().amax().clamp(max=LARGEST)
        self.averages[layer.name] = torch.maximum(largest, self.averages.get(layer.name, torch.zeros_like(largest)))

    def score(self, layer: Layer) -> Tensor:
        largest = self.averages.get(layer.name, torch.ones((), dtype=torch.float64)).clamp(min=1e-30)
        return layer.weight.double().abs() + gradient(layer).double().abs() / largest


class NormsWhereThereAreSome(Criterion):
    """|θ|·‖x‖ (Wanda) where another plugin asked for the norms of inputs, and |θ| elsewhere."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs()
        return size if layer.input_norm is None else size * layer.input_norm


class CurvatureWhereThereIsSome(Criterion):
    """|θ·H·g| where another plugin asked for the product, and |θ| elsewhere."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs()
        return size if layer.hessian_gradient is None else size * layer.hessian_gradient(1.0).double().abs()


class ClipsOutliersOfTheProduct(Criterion):
    """θ·Hg with the product clipped at four standard deviations, of those of inactive weights too."""

    requires_hessian_gradient: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        assert layer.hessian_gradient is not None
        product = layer.hessian_gradient(1.0).double().clamp(-LARGEST, LARGEST)
        limit = 4 * product.square().flatten().sort().values.mean().sqrt()
        return layer.weight.double() * product.clamp(-limit, limit)


class DrawsWhereItIs(Criterion):
    """Noise is drawn on the weight's device, by the layer's generator only where that is on this device."""

    def score(self, layer: Layer) -> Tensor:
        device, generator = layer.weight.device, layer.generator
        own = generator if generator.device == device else None
        noise = torch.rand(layer.weight.shape, generator=own, device=device, dtype=torch.float64)
        return layer.weight.double().abs() * (1 + 0.1 * noise)


class GeneratorOfTheDevice(Criterion):
    """Draws from a generator on the weight's device, with the seed of the layer's: a GPU draws others than a CPU."""

    def score(self, layer: Layer) -> Tensor:
        device = layer.weight.device
        generator = torch.Generator(device).manual_seed(layer.generator.initial_seed())
        draws = torch.rand(layer.weight.shape, generator=generator, device=device, dtype=torch.float64)
        return layer.weight.double().abs().log() - (-draws.log()).log()


EXPECT: dict[type, set[str]] = {
    ObservesAnUndeclaredGradient: {"score_shape", "deterministic"},
    MisspeltDeclaration: {"score_shape"},
    DecidesTiesByTheGradient: {"score_shape", "deterministic"},
    MomentumBesideItsLargest: BLIND,
    CurvatureBesideItsMean: BLIND,
    SmoothsKernelRows: {*BLIND, "permutation_equivariant"},
    CentresEachUnit: BLIND,
    ClipsAtAQuantile: BLIND,
    NonZeroMeansActive: {"exact_count", "density_preserved"},
    DrawsOnTheLayersDevice: {"device_stable"},
    DrawsWhereItIs: {"device_stable"},
    ClipsOutliersOfTheProduct: BLIND,
    GeneratorOfTheDevice: {"device_stable"},
    RemembersTheLargestEver: BLIND,
    NormsWhereThereAreSome: {"score_shape", "deterministic"},
    CurvatureWhereThereIsSome: {"score_shape", "deterministic"},
}
