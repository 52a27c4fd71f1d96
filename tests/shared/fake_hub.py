"""A hub without a network: it serves the files of a folder at one commit, and records what is asked of it."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from huggingface_hub import errors

from valence_gap.weights import hub

SOURCE = "facebook/some-encoder"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """The functions of ``huggingface_hub`` that a fetch calls.

    Attributes:
        folder: the files of the model.
        commit: the only commit, that of the main branch.
        downloads: the patterns of each download.
        lookups: the sources whose commit was asked for.
        offline: every request fails, as without a network.
    """

    folder: Path
    commit: str = COMMIT
    downloads: list[list[str]] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    offline: bool = False

    def snapshot_download(self, repo: str, *, revision: str, allow_patterns: list[str], local_dir: Path) -> None:
        self._require_network()
        if revision != self.commit:
            response = MagicMock(headers={}, status_code=404)
            raise errors.RevisionNotFoundError("no such revision", response=response)
        self.downloads.append(list(allow_patterns))
        for file in self.folder.iterdir():
            if file.name in allow_patterns:
                (local_dir / file.name).write_bytes(file.read_bytes())

    def model_info(self, repo: str, *, revision: str) -> SimpleNamespace:
        self._require_network()
        assert revision == "main"
        self.lookups.append(repo)
        return SimpleNamespace(sha=self.commit)

    def _require_network(self) -> None:
        if self.offline:
            raise errors.LocalEntryNotFoundError("no connection")


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> FakeHub:
    """Replace the hub by one that serves a folder."""
    fake = FakeHub(folder)
    monkeypatch.setattr(hub, "snapshot_download", fake.snapshot_download)
    monkeypatch.setattr(hub, "model_info", fake.model_info)
    return fake
