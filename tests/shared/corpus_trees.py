"""Small corpora written by hand, and their tables after reading."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.values import SPLITS


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_audio(path: Path, *, seconds: float = 0.5, rate: int = 16_000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros((round(seconds * rate), channels), dtype=np.int16), rate, subtype="PCM_16")
    return path


class PreparedCorpus:
    """The tables and the report of a corpus, joined for lookups."""

    def __init__(self, folder: Path) -> None:
        self.report: dict[str, Any] = json.loads((folder / "report.json").read_text())
        self.utterances = {split: pd.read_parquet(folder / f"utterances.{split}.parquet") for split in SPLITS}
        self.provenance = {split: pd.read_parquet(folder / f"provenance.{split}.parquet") for split in SPLITS}
        self.labels = {split: pd.read_parquet(folder / f"labels.{split}.parquet") for split in SPLITS}

    def ids(self, split: str) -> list[str]:
        assert self.utterances[split]["id"].tolist() == self.labels[split]["id"].tolist()
        return self.utterances[split]["id"].tolist()

    def row(self, split: str, identifier: str) -> dict[str, Any]:
        """Return one utterance with its labels, null as None."""
        table = self.utterances[split].drop(columns="sha256")
        table = table.merge(self.provenance[split], on="id").merge(self.labels[split], on="id")
        (row,) = table[table["id"] == identifier].to_dict("records")
        return {key: None if pd.isna(value) else value for key, value in row.items()}

    def skipped(self) -> dict[str, int]:
        return {reason: found["count"] for reason, found in self.report["skipped"].items()}

    def noted(self) -> dict[str, int]:
        return {reason: found["count"] for reason, found in self.report["noted"].items()}


def prepare(output: Path, adapter: str, paths: Mapping[str, Any], **definition: Any) -> PreparedCorpus:
    # In a corpus of a few files, one missing file or row would exceed the limits.
    limits = {"on_missing_audio": "skip", "on_lost_rows": "skip"}
    corpus = Corpus(adapter=adapter, label=adapter, **{**limits, **definition})
    given = {key: str(path) for key, path in paths.items() if key != "audio"}
    prepare_corpus(adapter, corpus, CorpusPaths(audio=tuple(map(str, paths["audio"])), **given), output)
    return PreparedCorpus(output)
