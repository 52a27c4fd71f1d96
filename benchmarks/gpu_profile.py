"""What a GPU did and could do: kernels and launches of some steps, rates of large products, the cost of a launch."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

LAUNCH = re.compile(r"(cuda|cu|hip)\w*(Launch|Memcpy|Memset)")
WAIT = re.compile(r"(cuda|cu|hip)(Stream|Event)Synchronize")  # not that of the whole device, which ends a profile
COPY = re.compile(r"(Memcpy|Memset|CopyHostToDevice|CopyDeviceTo|FillBuffer)")
PRODUCT_SIZE, TINY_SIZE = 8192, 128
REPEATS = 10
LAUNCHES = 400  # fewer than the queue of a GPU holds, so that no launch waits for the GPU
LINEARS = 50


@dataclass(frozen=True)
class Event:
    """One record of a profile.

    Attributes:
        what: a kernel or a copy on the GPU; or a launch or a wait of the host.
        start_ns: its start.
        duration_ns: its duration.
    """

    what: Literal["kernel", "copy", "launch", "wait"]
    start_ns: int
    duration_ns: int


class Profile:
    """The records of a block of code: ``with profiled.recording(): ...``."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the block; without CUDA there is nothing to record, and the profiler of the CPU runs."""
        activity = ProfilerActivity.CUDA if torch.cuda.is_available() else ProfilerActivity.CPU
        with profile(activities=[activity]) as found:
            yield
        self.events = list(_events(found))


def _events(found: Any) -> Iterator[Event]:
    for name, on_gpu, start, duration in _records(found):
        if on_gpu:
            yield Event("copy" if COPY.match(name) else "kernel", start, duration)
        elif LAUNCH.match(name):
            yield Event("launch", start, duration)
        elif WAIT.match(name):
            yield Event("wait", start, duration)


def _records(found: Any) -> Iterator[tuple[str, bool, int, int]]:
    """Name, whether it is on the GPU, start and duration of each record."""
    try:  # the records as they are: the list of ``events()`` takes seconds for some thousands of them
        for each in found.profiler.kineto_results.events():
            yield each.name(), each.device_type() == DeviceType.CUDA, each.start_ns(), each.duration_ns()
    except AttributeError:
        for each in found.events():
            start, end = each.time_range.start, each.time_range.end  # in us
            yield each.name, each.device_type == DeviceType.CUDA, int(1e3 * start), int(1e3 * (end - start))


def summary(events: Iterable[Event], steps: int) -> dict[str, float]:
    """What a profile says of a step; nothing if it has no kernels, as on a CPU.

    Args:
        events: records of the steps.
        steps: number of steps.

    Returns:
        ``launches``, ``kernels`` and ``waits`` of a step, and ``kernel_ms``, its time in which at least one kernel ran.
    """
    found = list(events)
    counts = {what: sum(each.what == what for each in found) for what in ("kernel", "launch", "wait")}
    if not counts["kernel"]:
        return {}
    return {
        "launches": counts["launch"] / steps,
        "kernels": counts["kernel"] / steps,
        "waits": counts["wait"] / steps,
        "kernel_ms": covered_ns([each for each in found if each.what == "kernel"]) / 1e6 / steps,
    }


def covered_ns(events: Iterable[Event]) -> int:
    """Time in which at least one of the events lasted: those of parallel streams count once."""
    total, until = 0, 0
    for each in sorted(events, key=lambda each: each.start_ns):
        end = each.start_ns + each.duration_ns
        total += max(0, end - max(each.start_ns, until))
        until = max(until, end)
    return total


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done all that was launched."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def product_rates(device: torch.device, *, tiny: bool) -> dict[str, float]:
    """1e12 operations per second of a large square product in each number format that the device has."""
    formats = {"bf16": (torch.bfloat16, "highest"), "fp32": (torch.float32, "highest")}
    if device.type == "cuda":
        formats["tf32"] = (torch.float32, "high")
    size, before = TINY_SIZE if tiny else PRODUCT_SIZE, torch.get_float32_matmul_precision()
    found = {}
    try:
        for name, (dtype, setting) in formats.items():
            torch.set_float32_matmul_precision(setting)
            one, other = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
            seconds = _seconds_of(lambda one=one, other=other: one @ other, device)
            found[f"{name}_tflops"] = 2 * size**3 / seconds / 1e12
    finally:
        torch.set_float32_matmul_precision(before)
    return found


def host_costs(device: torch.device) -> dict[str, float]:
    """Microseconds of the host for a launch, and for forward and backward pass of a small linear layer."""
    small = torch.zeros(1, device=device)
    weight = torch.zeros(64, 64, device=device, requires_grad=True)
    states = torch.ones(64, 64, device=device)

    def launch() -> None:
        for _ in range(LAUNCHES):
            small.add_(1)

    def linear() -> None:
        for _ in range(LINEARS):
            F.linear(states, weight).sum().backward()  # type: ignore[no-untyped-call]

    costs = {}
    for name, work, count in (("us_per_launch", launch, LAUNCHES), ("us_per_linear", linear, LINEARS)):
        work()
        wait_for(device)
        started = time.perf_counter()
        work()
        costs[name] = 1e6 * (time.perf_counter() - started) / count
        wait_for(device)
    return costs


def _seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call, from several in a row after a few that do not count."""
    for _ in range(3):
        work()
    wait_for(device)
    started = time.perf_counter()
    for _ in range(REPEATS):
        work()
    wait_for(device)
    return (time.perf_counter() - started) / REPEATS
