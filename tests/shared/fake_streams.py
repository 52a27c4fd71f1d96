"""CUDA streams that note what is asked of them, on a machine without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch


class Stream:
    """A stream that notes what is asked of it."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log, self.events = name, log, 0

    def wait_stream(self, other: "Stream") -> None:
        self.log.append(f"{self.name} waits for all of {other.name}")

    def record_event(self) -> str:
        self.events += 1
        return f"{self.name} {self.events}"

    def wait_event(self, event: str) -> None:
        self.log.append(f"{self.name} waits for {event}")


def fake_streams(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fake a GPU whose tensors stay on the CPU; return what happens on it, as it happens."""
    found: list[str] = []
    computing, active = Stream("computing", found), ["computing"]
    moved = torch.Tensor.to

    @contextmanager
    def stream(other: Stream) -> Iterator[None]:
        active.append(other.name)
        yield
        active.pop()

    def to(tensor: torch.Tensor, place: torch.device, non_blocking: bool = False) -> torch.Tensor:
        if place.type != "cuda":
            return moved(tensor, place)
        found.append(f"copied on {active[-1]}{', waiting' if not non_blocking else ''}")
        return tensor

    monkeypatch.setattr(torch.cuda, "Stream", lambda place: Stream("loading", found))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda place: computing)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: found.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, used: found.append(f"kept for {used.name}"))
    return found
