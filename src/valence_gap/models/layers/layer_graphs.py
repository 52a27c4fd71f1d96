"""CUDA graphs of the layers of a transformer, forward and backward, on packed frames.

A training step of a large model starts more than a thousand kernels, most of them in its layers. To start them one by
one takes the host longer than the GPU needs to compute them. A graph starts all kernels of a layer and a direction with
one call. It is captured once for each layer and shape, and works on tensors in fixed places: the output of a layer is
the input of the next one. All shapes share the memory of activations and the gradients of the weights, because a
training step uses one shape.
"""

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from valence_gap.models.layers.packing import Packing, Shape
from valence_gap.runtime.progress import log_line

WARM_UPS = 2  # runs of a layer before its capture, in which libraries load kernels and take their workspaces
FLOAT32 = 4  # bytes
KEPT = 2  # tensors (capacity, hidden) that each layer and shape keep: the output, and the gradient of the input
ACTIVATIONS = 12  # such tensors that a layer keeps from its forward to its backward pass, for all shapes together


class Recording:
    """A function whose GPU work is recorded once, in the order of its calls, and then repeated.

    Args:
        work: returns a tensor, which stays in its place; each repetition writes it again.
        pool: memory that all recordings share.
    """

    def __init__(self, work: Callable[[], Tensor], pool: Any) -> None:
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):
            self.result = work()

    def repeat(self) -> None:
        """Queue the work on the current stream."""
        self._graph.replay()


@dataclass
class _Unit:
    """One layer at one shape."""

    given: Tensor
    forward: Recording
    share: Tensor | None = None
    backward: Recording | None = None


class LayerGraphs:
    """The graphs of the layers of a transformer in training mode, in bfloat16.

    Args:
        layers: map (capacity, hidden) float32 and a packing to states of the same shape. Every weight is trained.
        hidden: width of the states.
    """

    def __init__(self, layers: Iterable[nn.Module], hidden: int) -> None:
        self._layers, self._hidden = list(layers), hidden
        self._weights = [tuple(layer.parameters()) for layer in self._layers]
        self._gradients: list[list[Tensor]] = []
        self._device = self._weights[0][0].device
        self._pool = torch.cuda.graph_pool_handle() if self._device.type == "cuda" else None
        self._starts: dict[Shape, Tensor] = {}
        self._units: dict[Shape, list[_Unit]] = {}

    def capture(self, shapes: Iterable[Shape]) -> None:
        """Capture the graphs of shapes, the largest first: so the others fit into its memory.

        No other thread may use the GPU meanwhile. If it fails, the log says so, and there are no graphs.
        """
        # A history of the weights from another stream would break the capture, and weights in bfloat16 may have one.
        torch.clear_autocast_cache()
        gc.collect()
        gc.disable()  # no tensor of the GPU may be freed while a graph is captured
        try:
            largest_first = sorted(set(shapes), reverse=True)
            if largest_first:
                self._gradients = [[torch.zeros_like(weight) for weight in weights] for weights in self._weights]
            for shape in largest_first:
                self._capture(shape)
        except RuntimeError as error:
            self._gradients, self._starts, self._units = [], {}, {}
            _renew_generator(self._device)
            log_line(f"training starts every kernel by itself, without CUDA graphs: {error}")
        finally:
            gc.enable()

    def __contains__(self, packing: Packing) -> bool:
        """Whether the graphs for the shape of a packing have been captured."""
        return packing.shape in self._units

    def __call__(self, states: Tensor, packing: Packing, kept: Sequence[int]) -> Tensor:
        """Compute layers; a backward pass sets the gradients of their weights.

        Args:
            states: (capacity, hidden), with a gradient.
            packing: its shape has been captured.
            kept: numbers of the layers to compute, ascending.

        Returns:
            (capacity, hidden), valid until the next call.
        """
        self._starts[packing.shape].copy_(packing.starts)
        return cast(Tensor, cast(Any, _Stack).apply(states, self, self._units[packing.shape], kept))

    def set_gradients(self, number: int) -> None:
        """Give the weights of a layer the gradients that its backward graph has written."""
        for weight, gradient in zip(self._weights[number], self._gradients[number], strict=True):
            weight.grad = gradient

    def _capture(self, shape: Shape) -> None:
        capacity, sequences, longest = shape
        each = -(-capacity // sequences)
        starts = (each * torch.arange(sequences + 1, dtype=torch.int32)).clamp(max=capacity).to(self._device)
        packing = Packing(starts.new_zeros(0), starts, longest, capacity)
        first = torch.randn(capacity, self._hidden, device=self._device, requires_grad=True)
        share = torch.randn(capacity, self._hidden, device=self._device)
        self._warm_up(first, share, packing)
        units: list[_Unit] = []
        computed: list[Tensor] = []  # outputs of the layers with their history, until their backward graphs exist
        for number in range(len(self._layers)):
            given = units[-1].forward.result.requires_grad_() if units else first
            units.append(_Unit(given, self._recorded_forward(number, given, packing, computed)))
        for number in reversed(range(len(self._layers))):
            unit = units[number]
            unit.share = share
            unit.backward = self._recorded_backward(number, unit, computed)
            share = unit.backward.result
        self._starts[shape], self._units[shape] = starts, units

    def _recorded_forward(self, number: int, given: Tensor, packing: Packing, computed: list[Tensor]) -> Recording:
        def forward() -> Tensor:
            del computed[number:]
            computed.append(self._compute(number, given, packing))
            return computed[-1].detach()

        return Recording(forward, self._pool)

    def _recorded_backward(self, number: int, unit: _Unit, computed: list[Tensor]) -> Recording:
        def backward() -> Tensor:
            found = torch.autograd.grad(computed.pop(), (unit.given, *self._weights[number]), unit.share)
            torch._foreach_copy_(self._gradients[number], list(found[1:]))
            return found[0]

        return Recording(backward, self._pool)

    def _compute(self, number: int, given: Tensor, packing: Packing) -> Tensor:
        # The weights in bfloat16 are part of the graph, so autocast must not keep them for other layers and steps.
        with torch.autocast(self._device.type, dtype=torch.bfloat16, cache_enabled=False):
            return cast(Tensor, self._layers[number](given, packing))

    def _warm_up(self, given: Tensor, share: Tensor, packing: Packing) -> None:
        """Run one layer; the others have the same kernels. PyTorch asks for another stream than the default one."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
            with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
                self._run_once(given, share, packing)
            torch.cuda.synchronize()

    def _run_once(self, given: Tensor, share: Tensor, packing: Packing) -> None:
        for _ in range(WARM_UPS):
            found = torch.autograd.grad(self._compute(0, given, packing), (given, *self._weights[0]), share)
            torch._foreach_copy_(self._gradients[0], list(found[1:]))


def _renew_generator(device: torch.device) -> None:
    """Give the generator of a GPU another state. After a capture that failed, its own would refuse to draw numbers."""
    if device.type == "cuda":
        number = torch.cuda.current_device() if device.index is None else device.index
        state = torch.Generator(device).graphsafe_get_state()
        torch.cuda.default_generators[number].graphsafe_set_state(state)


class _Stack(torch.autograd.Function):
    """Layers as one operation: autograd sees their states only, and the graphs write the gradients of the weights."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, graphs: LayerGraphs, units: list[_Unit], kept: Sequence[int]) -> Tensor:
        ctx.graphs, ctx.units, ctx.kept = graphs, units, kept
        for number in kept:
            unit = units[number]
            if unit.given.data_ptr() != states.data_ptr():  # of the first layer, and after one that is left out
                unit.given.copy_(states)
            unit.forward.repeat()
            states = unit.forward.result
        return states.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (share,) = gradients
        for number in reversed(ctx.kept):
            unit = ctx.units[number]
            if unit.share.data_ptr() != share.data_ptr():
                unit.share.copy_(share)
            unit.backward.repeat()
            ctx.graphs.set_gradients(number)
            share = unit.backward.result
        return share.detach(), None, None, None


def shapes_that_fit(shapes: Iterable[Shape], layers: int, hidden: int, weights: int, memory: float) -> list[Shape]:
    """The shapes whose graphs fit into a part of the memory, from the smallest up.

    The host is slower than the GPU with small shapes first, so the largest ones are left to do without graphs.

    Args:
        shapes: the shapes of a training.
        layers: number of layers.
        hidden: width of the states.
        weights: number of weights of all layers.
        memory: bytes for the graphs.
    """
    kept, chosen = float(FLOAT32 * weights), []
    for shape in sorted(set(shapes)):
        frames = FLOAT32 * layers * hidden * shape[0]
        kept += KEPT * frames
        if kept + ACTIVATIONS * frames > memory:
            break
        chosen.append(shape)
    return chosen
