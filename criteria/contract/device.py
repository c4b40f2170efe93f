"""A device that is not there: tensors that behave as if they were on a GPU, where there is none.

What goes wrong on a GPU is mostly one of three things: a draw with a generator of the CPU on the GPU, an operation on
tensors of both, or an answer on the wrong one. All three depend on where tensors are said to be, and not on how a GPU
computes. So a tensor is wrapped that says it is elsewhere (PyTorch's device ``meta``, which nothing else here uses),
every operation on it is done on the CPU, and what a GPU would refuse is refused.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

DEVICE = torch.device("meta")
CPU = torch.device("cpu")

MIXED = (
    "aten::index",
    "aten::index_put",
    "aten::index_put_",
    "aten::_index_put_impl_",
    "aten::copy_",
    "aten::_to_copy",
)
"""Operations that take tensors of the CPU and of a GPU together."""


OF_DATA = (torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor)
"""What makes tensors of Python's and NumPy's numbers, which PyTorch drops where they are asked for on ``meta``."""

INDEXING = (Tensor.__getitem__, Tensor.__setitem__)
"""What makes tensors of lists and arrays that say where something is."""


class WrongDevice(RuntimeError):  # noqa: N818 - it stands for an error of PyTorch's
    """A GPU would refuse the operation."""


class NoData(RuntimeError):  # noqa: N818 - it says what is missing
    """A tensor on :data:`DEVICE` has no numbers, so nothing can be said about what a GPU would make of it."""


class Pretended(Tensor):
    """A tensor that says it is on :data:`DEVICE`; ``stands_for`` is the real one, on the CPU."""

    stands_for: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> "Pretended":
        """Wrap a tensor."""
        wrapped: Pretended = torch.Tensor._make_wrapper_subclass(
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            device=DEVICE,
        )
        wrapped.stands_for = real
        return wrapped

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, operation: Any, _types: object, arguments: Sequence[Any] = (), options: Mapping[str, Any] | None = None
    ) -> Any:
        """Do an operation."""
        return _done(operation, arguments, options or {})

    def tolist(self) -> Any:
        """The numbers."""
        return self.stands_for.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """The numbers; that a GPU would refuse this is left to a real one to say."""
        return self.stands_for.numpy(force=force)

    def __repr__(self, **_options: Any) -> str:  # type: ignore[override]
        return f"Pretended({self.stands_for!r})"


class _KeepingData(TorchFunctionMode):
    """Makes tensors of numbers on the CPU, and then says that they are on :data:`DEVICE`."""

    def __torch_function__(
        self, function: Any, _types: object, arguments: Sequence[Any] = (), options: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function."""
        wanted, there = dict(options or {}), bool(arguments) and isinstance(arguments[0], Pretended)
        if there and function in INDEXING:
            return function(arguments[0], _index(arguments[1]), *arguments[2:])
        if there and function is Tensor.new_tensor:
            wanted = {"dtype": arguments[0].dtype, "device": DEVICE} | wanted
            function, arguments, there = torch.tensor, arguments[1:], False
        if there or function not in OF_DATA or torch.device(wanted.get("device") or CPU) != DEVICE:
            return function(*arguments, **wanted)
        return Pretended(function(*map(_numbers, arguments), **wanted | {"device": CPU}))


def _index(place: Any) -> Any:
    """The index, with tensors of the CPU where it has lists or arrays of numbers."""
    if isinstance(place, tuple):
        return tuple(map(_index, place))
    return torch.as_tensor(place) if isinstance(place, list | np.ndarray) else place


def _numbers(data: Any) -> Any:
    """The data, of which single numbers may be tensors there."""
    return [real(each) if isinstance(each, Tensor) else each for each in data] if isinstance(data, list) else data


class Elsewhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Makes tensors on :data:`DEVICE` where they are asked for there."""

    def __torch_dispatch__(
        self, operation: Any, _types: object, arguments: Sequence[Any] = (), options: Mapping[str, Any] | None = None
    ) -> Any:
        """Do an operation."""
        return _done(operation, arguments, options or {})

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not let torch import its compiler only to keep it away from here: that takes seconds of every process."""
        return False


_Generator = torch.Generator


class _AnyGenerator(type(_Generator)):  # type: ignore[misc]
    """Says that every generator is of the class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Generator)


class Generator(_Generator, metaclass=_AnyGenerator):
    """A generator; those of :data:`DEVICE` draw other numbers from a seed than the CPU's do, as those of a GPU."""

    there = False

    def __new__(cls, device: Any = "cpu") -> "Generator":
        """Make a generator."""
        made = _Generator.__new__(cls, CPU)  # type: ignore[call-arg]
        made.there = torch.device(device) == DEVICE
        return made

    def manual_seed(self, seed: int) -> Any:
        """Begin anew."""
        return super().manual_seed(seed ^ 0x5EED if self.there else seed)


@contextlib.contextmanager
def pretending() -> Iterator[None]:
    """Inside, tensors and generators are made on :data:`DEVICE` where they are asked for there."""
    with Elsewhere(), _KeepingData():  # type: ignore[no-untyped-call]
        torch.Generator = Generator  # type: ignore[misc]
        try:
            yield
        finally:
            torch.Generator = _Generator  # type: ignore[misc]


@cache
def ready() -> None:
    """Let torch import what operations on a pretended device need, which takes it seconds at first."""
    with pretending():
        torch.stack([pretended(torch.zeros(1)) + 1])


def pretended(tensor: Tensor) -> Tensor:
    """A copy of the tensor that says it is on :data:`DEVICE`."""
    return Pretended(tensor.clone())


def real(tensor: Tensor) -> Tensor:
    """The tensor that a pretended one stands for; raises :class:`NoData` for one on :data:`DEVICE` that has none."""
    if isinstance(tensor, Pretended):
        return tensor.stands_for
    if tensor.device == DEVICE:
        raise NoData("a tensor was made in a way that only a real device has")
    return tensor


def _has_generator(arguments: Sequence[Any], options: Mapping[str, Any]) -> bool:
    return any(isinstance(each, torch.Generator) for each in (*arguments, *options.values()))


def _done(operation: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    there: list[Tensor] = []
    here: list[Tensor] = []
    generators: list[torch.Generator] = []

    def on_cpu(value: Any) -> Any:
        if isinstance(value, Pretended):
            there.append(value)
            return value.stands_for
        if isinstance(value, Tensor) and real(value).device == CPU:
            here.append(value)
        elif isinstance(value, torch.Generator) and not getattr(value, "there", False):
            generators.append(value)
        return CPU if isinstance(value, torch.device) and value == DEVICE else value

    real_arguments, real_options = tree_map(on_cpu, (tuple(arguments), dict(options)))
    wanted = options.get("device")
    goes_there = bool(there) if wanted is None else wanted == DEVICE
    if goes_there and torch.Tag.nondeterministic_seeded in operation.tags and not _has_generator(arguments, options):  # type: ignore[attr-defined]
        raise WrongDevice("it draws from the random state of all that is computed on the GPU")
    if goes_there and generators:
        raise WrongDevice("Expected a 'cuda' device type for generator but found 'cpu'")
    name = str(getattr(operation, "_schema", operation)).partition(".")[0].partition("(")[0]
    if there and name not in MIXED and any(each.dim() for each in here):
        raise WrongDevice(f"Expected all tensors to be on the same device, but found a GPU's and the CPU's in {name}")
    done = operation(*real_arguments, **real_options)
    return tree_map(lambda each: Pretended(each) if isinstance(each, Tensor) else each, done) if goes_there else done
