"""Small splits for a fusion of audio and text."""

from pathlib import Path

import numpy as np
import pandas as pd

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.text.fusion_inputs import FusionSplit, StoredEmbeddings

AUDIO, TEXT = 6, 5


def labels_of(audio: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Arousal and dominance depend only on the audio, valence only on the text."""
    return np.stack([audio[:, 0], audio[:, 1], text[:, 2]], axis=1) * 0.15 + 0.5


def write_split(
    folder: Path, name: str, count: int, *, seed: int, shuffled: bool = False, conditions: int = 1
) -> tuple[FusionSplit, np.ndarray]:
    folder = folder / name
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    audio, text = random.normal(size=(count, AUDIO)), random.normal(size=(count, TEXT))
    labels = labels_of(audio, text)
    ids = [f"{name}-{row:03d}" for row in range(count)]
    names = ["clean", "noisy"][:conditions]
    np.save(folder / "audio.npy", np.concatenate([audio, *[audio * 0] * (conditions - 1)]).astype(np.float16))
    table = pd.DataFrame({"id": ids * conditions, "condition": np.repeat(names, count)})
    table.to_parquet(folder / "predictions.parquet")
    order = random.permutation(count)  # the text's rows are in another order
    np.save(folder / "text.npy", text[random.permutation(count) if shuffled else order].astype(np.float32))
    pd.DataFrame({"id": [ids[row] for row in order]}).to_parquet(folder / "text.parquet")
    pd.DataFrame(labels, columns=list(DIMENSIONS)).assign(id=ids).to_parquet(folder / "labels.parquet")
    split = FusionSplit(
        StoredEmbeddings(folder / "audio.npy", folder / "predictions.parquet"),
        StoredEmbeddings(folder / "text.npy", folder / "text.parquet"),
        folder / "labels.parquet",
    )
    return split, labels


def write_lengths(path: Path, split: FusionSplit) -> Path:
    """Write an index of a pack with as many different lengths as utterances, in another order."""
    ids = pd.read_parquet(split.audio.index)["id"].drop_duplicates()
    lengths = pd.DataFrame({"id": ids, "offset": 0, "samples": 1_000 * (1 + np.arange(len(ids)))})
    lengths.sample(frac=1, random_state=0).to_parquet(path)
    return path
