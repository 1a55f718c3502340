"""A CUDA device that is not there: tensors that say `cuda` and compute on the CPU, and refuse to meet the CPU's.

It finds, on a machine without a GPU, what fails only on one: a tensor made on the CPU inside a network, `.numpy()`
without `.cpu()`, a generator of the wrong device, a mask of one device that picks from another. Results are those of
the CPU to the last bit. It knows nothing of kernels, memory, streams and speed. Tests get it by the fixture `device` of
the root conftest.py.

Each tensor of the pretended device holds one of the CPU. A dispatch mode sees every operation, checks that its tensors
are of one device as CUDA wants it, runs it on the tensors held, and wraps what comes out.
"""

from __future__ import annotations

import copy
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["pretended_cuda"]

CUDA, META = torch.device("cuda", 0), torch.device("meta")
FROM_DATA = {torch.tensor, torch.as_tensor, torch.asarray}
aten: Any = torch.ops.aten
COPIES = {aten.copy_.default, aten._to_copy.default, aten._foreach_copy_.default}
PICKS = {
    aten.index.Tensor,
    aten._unsafe_index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
"""Indices of the CPU may pick from a tensor of the device."""


@contextmanager
def pretended_cuda() -> Iterator[None]:
    """Inside, there is one CUDA device; only for this thread."""
    if torch.cuda.is_available():
        raise RuntimeError("this machine has a CUDA device; pretend one where there is none")
    with ExitStack() as stack:
        for place, name, value in _answers():
            stack.enter_context(mock.patch.object(place, name, value))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "'pin_memory' argument is set as true but no accelerator", UserWarning)
        stack.callback(
            torch.__future__.set_overwrite_module_params_on_conversion,
            torch.__future__.get_overwrite_module_params_on_conversion(),
        )
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # `.data =` cannot reach the tensor held
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))  # modes hold for one thread
        stack.enter_context(_Renamed())
        stack.enter_context(_Mode())
        yield


class _Held(torch.Tensor):
    """A tensor of the pretended device and the tensor of the CPU that it holds."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> _Held:
        with torch.inference_mode(False):  # else views of parameters could not be told from those of the CPU
            tensor = torch.Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=META,
                requires_grad=held.requires_grad,
            )
        tensor.held = held
        return tensor

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        return CUDA

    @property
    def is_cuda(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        return True

    @property
    def is_meta(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        return False

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError("can't convert a tensor on cuda to numpy; it takes .cpu() before")
        return self.detach().cpu().numpy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        return self.numpy()

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"pretended cuda {self.held!r}"

    def __deepcopy__(self, memo: dict[int, Any]) -> _Held:
        if id(self) not in memo:
            new = _Held(copy.deepcopy(self.held.detach()))
            new.requires_grad_(self.requires_grad)
            if getattr(self, "_is_param", False):
                new._is_param = True  # pyright: ignore[reportAttributeAccessIssue]
            memo[id(self)] = new
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Saved as what it holds: a checkpoint of one device is opened on another anyway."""
        return self.held.detach().__reduce_ex__(protocol)


class _Renamed(TorchFunctionMode):
    """Says `meta`, which needs no driver, wherever the caller says `cuda`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.device:
            return func(*args, **(kwargs or {}))
        kwargs = {name: _renamed(value) for name, value in (kwargs or {}).items()}
        if func is torch.Tensor.cuda:
            return args[0].to(META)
        if func is torch.Tensor.new_tensor and args[0].is_cuda:
            return torch.tensor(args[1], dtype=kwargs.get("dtype") or args[0].dtype).to(META)
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            args = (args[0], _index(args[1]), *args[2:])
        if func in FROM_DATA and kwargs.get("device") == META:  # on meta, torch would drop the numbers
            return func(*args, **kwargs | {"device": None}).to(META)
        return func(*map(_renamed, args), **kwargs)


def _index(index: Any) -> Any:
    """Lists in it as tensors, for the same reason."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    return torch.tensor(index, dtype=None if index else torch.int64) if isinstance(index, list) else index


def _renamed(x: Any) -> Any:
    return META if isinstance(x, str | torch.device) and str(x) in ("cuda", "cuda:0") else x


class _Mode(TorchDispatchMode):
    """Sees every operation, those without tensors too (`torch.zeros(3, device="cuda")`)."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # in inference mode, what autograd would have taken apart comes here whole
                return func._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args, **(kwargs or {}))
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """`func` on what the tensors hold."""
    leaves = tree_leaves((args, kwargs))
    there = any(isinstance(leaf, _Held) for leaf in leaves)
    if there:
        _check(func, args, leaves)
    if (device := kwargs.get("device")) is not None:
        there = torch.device(device) == META
        kwargs = kwargs | {"device": torch.device("cpu")}
    if kwargs.get("pin_memory"):
        kwargs = kwargs | {"pin_memory": False}
    _check_generators(func, leaves, there)
    given = {id(_bare(leaf)): leaf for leaf in leaves if isinstance(leaf, torch.Tensor)}
    out = func(*tree_map(_bare, args), **tree_map(_bare, kwargs))
    if not there:
        return out
    return tree_map(lambda x: given[id(x)] if id(x) in given else _wrapped(x), out)


def _wrapped(x: Any) -> Any:
    return _Held(x) if isinstance(x, torch.Tensor) else x


def _bare(x: Any) -> Any:
    if not isinstance(x, _Held):
        return x
    if x.shape != x.held.shape:
        raise NotImplementedError("the pretended device knows no operation that changes a tensor's shape in place")
    return x.held


def _check(func: Any, args: Any, leaves: list[Any]) -> None:
    """Raise what CUDA raises if `func` gets tensors of both devices and is none of those that may."""
    if func in COPIES:
        return
    if func in PICKS and isinstance(args[0], _Held):
        leaves = [args[0], *tree_leaves(args[2:])]
    strangers = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and not isinstance(leaf, _Held)]
    scalars = torch.Tag.pointwise in func.tags or func in PICKS or "_foreach" in str(func) or "fill" in str(func)
    if any(stranger.dim() > 0 or not scalars for stranger in strangers):
        raise RuntimeError(f"{func}: tensors on cpu and on cuda, which must be on one device")


def _check_generators(func: Any, leaves: list[Any], there: bool) -> None:
    for leaf in leaves:
        if there and isinstance(leaf, torch.Generator):
            raise RuntimeError(f"{func}: a generator on {leaf.device} for a result on cuda")


def _answers() -> Iterator[tuple[Any, str, Any]]:
    """What torch says about the device, where a driver would."""
    state = torch.default_generator

    def constant(value: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: value

    cuda = {
        "is_available": constant(True),
        "is_initialized": constant(True),
        "is_bf16_supported": constant(True),
        "device_count": constant(1),
        "current_device": constant(0),
        "get_device_name": constant("pretended"),
        "synchronize": constant(None),
        "empty_cache": constant(None),
        "memory_allocated": constant(0),
        "max_memory_allocated": constant(0),
        "manual_seed": constant(None),
        "manual_seed_all": constant(None),
        "get_rng_state": lambda device=None: state.get_state(),
        "set_rng_state": constant(None),
    }
    yield from ((torch.cuda, name, answer) for name, answer in cuda.items())
    yield torch.accelerator, "is_available", constant(False)  # it would be asked for streams
    yield torch.cuda.amp.common, "amp_definitely_not_available", constant(False)
