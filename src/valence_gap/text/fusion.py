"""Fusion with text: a regression head on an audio model's pooled states and text embeddings (paper, section IV-B).

Both encoders are frozen, so only a head is trained, on two stored arrays per split. As in the paper, the two arrays are
concatenated without standardisation or projection.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.models.head import RegressionHead
from valence_gap.runtime import precision
from valence_gap.runtime.data_files import read_array, write_csv, write_parquet
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, write_json
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import run_record
from valence_gap.scores.metrics import cccs
from valence_gap.training.batching import epoch_batches
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer, set_learning_rate
from valence_gap.training.seeding import seed_everything
from valence_gap.weights import folders

MODEL_TYPE = "valence_gap_fusion"
INITIALIZER_RANGE = 0.02  # initializer_range of the paper's encoders; their head is initialised with it

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredEmbeddings:
    """An array on disk, and the table that names the utterance of each row.

    Attributes:
        array: ``.npy`` file, (rows, hidden).
        index: table with the column id and, if the rows are of several conditions, the column condition.
    """

    array: Path
    index: Path


@dataclass(frozen=True)
class FusionSplit:
    """The files of one split.

    Attributes:
        audio: pooled states of the audio model and its table of predictions.
        text: text embeddings and their index.
        labels: table of the labels; None if they are not needed.
    """

    audio: StoredEmbeddings
    text: StoredEmbeddings
    labels: Path | None = None

    def inputs(self, name: str) -> dict[str, Path]:
        """The files, each by a name that does not depend on its path."""
        found = {
            f"{name}/audio": self.audio.array,
            f"{name}/audio index": self.audio.index,
            f"{name}/text": self.text.array,
            f"{name}/text index": self.text.index,
        }
        return found | ({f"{name}/labels": self.labels} if self.labels else {})


@dataclass(frozen=True)
class FusionInputs:
    """The rows of a split in memory.

    Attributes:
        ids: the utterances, in the order of the audio model's predictions.
        vectors: (utterances, audio hidden + text hidden).
        audio_hidden: number of columns that come from the audio model.
    """

    ids: list[str]
    vectors: torch.Tensor
    audio_hidden: int


def train_fusion(fusion: Fusion, train: FusionSplit, dev: FusionSplit, output: Path) -> None:
    """Train a head on audio and text, and write the one of the epoch with the best mean dev CCC.

    Training runs on the CPU, where the same definition and data give the same weights.

    Args:
        fusion: the definition.
        train: training split.
        dev: development split, which selects the best epoch and stops the training.
        output: folder that is written: ``model.safetensors``, ``config.json``, ``training.csv`` and ``run.json``.

    Raises:
        UserError: arrays, tables and labels do not fit together.
    """
    started = time.monotonic()
    examples, dev_examples = read_split(train), read_split(dev)
    targets, dev_targets = (_targets(split, read.ids) for split, read in ((train, examples), (dev, dev_examples)))
    if examples.vectors.shape[1] != dev_examples.vectors.shape[1]:
        raise UserError(
            "the embeddings of the two splits are from different models",
            [f"train: {examples.vectors.shape[1]} values per utterance", f"dev: {dev_examples.vectors.shape[1]}"],
        )
    with precision.cpu_threads(fusion.recipe.threads):
        head, rows = train_head(fusion, (examples.vectors, targets), (dev_examples.vectors, dev_targets))
    log = pd.DataFrame(rows)
    best = int(log["epoch"].iloc[int(log["dev_mean"].argmax())])
    hidden = examples.vectors.shape[1]
    config = {
        "model_type": MODEL_TYPE,
        "audio_hidden": examples.audio_hidden,
        "text_hidden": hidden - examples.audio_hidden,
        "head_dropout": fusion.recipe.head_dropout,
    }
    inputs = train.inputs("train") | dev.inputs("dev")
    record = run_record(json.loads(to_json(fusion)), inputs=inputs, started=started)
    with atomic_folder(output) as scratch:
        folders.write(scratch, config, {f"classifier.{name}": weight for name, weight in head.state_dict().items()})
        write_csv(scratch / "training.csv", log.assign(best=log["epoch"] == best))
        write_json(scratch / "run.json", record | {"best_epoch": best, "epochs": len(log)})


def train_head(
    fusion: Fusion, train: tuple[torch.Tensor, Floats], dev: tuple[torch.Tensor, Floats]
) -> tuple[RegressionHead, list[dict[str, float]]]:
    """Train a head of :mod:`valence_gap.models.head` with the CCC loss until the dev CCC stops rising.

    Args:
        fusion: the definition.
        train: vectors (utterances, hidden) and labels (utterances, 3).
        dev: the same for the development split.

    Returns:
        The head of the best epoch, and the rows of the training log.
    """
    recipe = fusion.recipe
    vectors, targets = train[0], torch.from_numpy(train[1])
    seed_everything(fusion.seed)
    head = RegressionHead(vectors.shape[1], recipe.head_dropout)
    head.initialise(INITIALIZER_RANGE)
    optimizer = build_optimizer(recipe, list(head.parameters()))
    lengths = np.ones(len(vectors), dtype=np.int64)
    rows: list[dict[str, float]] = []
    best, best_mean, best_epoch = _copy(head), -np.inf, 0
    for epoch in range(1, recipe.epochs + 1):
        head.train()
        losses = []
        batches = epoch_batches(lengths, recipe.batch_size, seed=fusion.seed, epoch=epoch)
        for step, batch in enumerate(batches):
            seed_everything(fusion.seed, epoch, step)
            loss = ccc_loss(head(vectors[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.gradient_norm is not None:
                nn.utils.clip_grad_norm_(head.parameters(), recipe.gradient_norm)
            done = (epoch - 1) * len(batches) + step
            set_learning_rate(optimizer, recipe, done, steps=recipe.epochs * len(batches))
            optimizer.step()
            losses.append(loss.item() * len(batch))
        rows.append({"epoch": epoch, "loss": sum(losses) / len(vectors)} | _evaluate(head, *dev))
        if rows[-1]["dev_mean"] > best_mean:
            best, best_mean, best_epoch = _copy(head), rows[-1]["dev_mean"], epoch
        elif recipe.patience is not None and epoch - best_epoch >= recipe.patience:
            break
    log_line(f"fusion: {len(rows)} epochs; the best is epoch {best_epoch}, with a mean dev CCC of {best_mean:.3f}")
    head.load_state_dict(best)
    return head.eval(), rows


def _evaluate(head: RegressionHead, vectors: torch.Tensor, targets: Floats) -> dict[str, float]:
    scores = np.nan_to_num(cccs(targets.T, _apply(head, vectors).T))
    named = {f"dev_{name}": float(score) for name, score in zip(DIMENSIONS, scores, strict=True)}
    return named | {"dev_mean": float(scores.mean())}


def _copy(head: RegressionHead) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in head.state_dict().items()}


@torch.no_grad()
def _apply(head: RegressionHead, vectors: torch.Tensor) -> Floats:
    head.eval()
    return np.asarray(head(vectors).numpy(), dtype=np.float32)


def predict_fusion(
    model: Path, split: FusionSplit, output: Path, *, condition: str = CLEAN, record: Path | None = None
) -> None:
    """Predict a split from audio and text.

    Args:
        model: folder of the trained fusion.
        split: the embeddings, from the same models as in training.
        output: table that is written, in the format of all predictions: id, condition, arousal, dominance, valence.
        condition: condition whose rows of the audio model's predictions are used.
        record: JSON file for the run record, if one is required: see :func:`valence_gap.runtime.provenance.run_record`.

    Raises:
        UserError: the folder contains no fusion model, or the embeddings do not fit it.
    """
    started = time.monotonic()
    config = folders.read_config(model)
    if config.get("model_type") != MODEL_TYPE:
        raise UserError(
            "the folder does not contain a fusion model of audio and text",
            [f"{model}: model_type {config.get('model_type')!r}"],
        )
    rows = read_split(split, condition=condition)
    found = {"audio_hidden": rows.audio_hidden, "text_hidden": rows.vectors.shape[1] - rows.audio_hidden}
    if wrong := [
        f"{name}: {count}, trained on {config[name]}" for name, count in found.items() if count != config[name]
    ]:
        raise UserError(
            f"the embeddings do not fit {model}", wrong, "Give embeddings of the models that it was trained with."
        )
    head = RegressionHead(rows.vectors.shape[1], config["head_dropout"])
    folders.load_state(head, folders.read_weights(model, lambda name: name.removeprefix("classifier.")), model)
    predictions = _apply(head, rows.vectors)
    names = {"id": pd.Series(rows.ids, dtype="str"), "condition": pd.Series([condition] * len(rows.ids), dtype="str")}
    columns = pd.DataFrame(predictions, columns=list(DIMENSIONS))
    write_parquet(output, pd.concat([pd.DataFrame(names), columns], axis="columns"))
    if record is not None:
        definition = {"model": "/".join(model.parts[-2:]), "conditions": [condition]}
        inputs = split.inputs("test") | {f"model/{name}": model / name for name in (folders.CONFIG, folders.WEIGHTS)}
        computed = {"device": "cpu", "precision": "float32", "deterministic": True}
        write_json(record, run_record(definition, inputs=inputs, started=started) | computed)


def read_split(split: FusionSplit, *, condition: str = CLEAN) -> FusionInputs:
    """Concatenate the pooled states and the text embedding of each utterance.

    Args:
        split: the files.
        condition: condition whose rows are used, if an index has a column condition.

    Raises:
        UserError: an array does not match its index, or an utterance has no text embedding.
    """
    ids, audio = _read(split.audio, condition)
    text_ids, text = _read(split.text, condition)
    place = {each: row for row, each in enumerate(text_ids)}
    if missing := [each for each in ids if each not in place]:
        raise UserError(
            f"{len(missing)} of {len(ids)} utterances have no text embedding in {split.text.index}",
            missing,
            "Transcribe and embed the split that the audio model predicted.",
        )
    beside = text[[place[each] for each in ids]]
    return FusionInputs(ids, torch.from_numpy(np.concatenate([audio, beside], axis=1)), audio.shape[1])


def _read(embeddings: StoredEmbeddings, condition: str) -> tuple[list[str], Floats]:
    index = pd.read_parquet(embeddings.index)
    array = read_array(embeddings.array)
    if len(index) != len(array) or array.ndim != 2:
        raise UserError(
            "embeddings do not match their index",
            [f"{embeddings.array}: shape {array.shape}", f"{embeddings.index}: {len(index)} rows"],
            "Delete both files and create them again.",
        )
    rows = np.arange(len(index))
    if "condition" in index:
        rows = np.flatnonzero(index["condition"] == condition)
    ids = [str(each) for each in index["id"].iloc[rows]]
    if not ids or len(set(ids)) < len(ids):
        what = (
            f"{embeddings.index} has {'several rows for one utterance' if ids else f'no row of condition {condition}'}"
        )
        raise UserError(what, remedy="Predict the split again.")
    return ids, np.asarray(array[rows], dtype=np.float32)


def _targets(split: FusionSplit, ids: list[str]) -> Floats:
    if split.labels is None:
        raise ValueError("training requires labels, but the labels of the split are None")
    table = pd.read_parquet(split.labels, columns=["id", *DIMENSIONS]).astype({"id": str}).set_index("id")
    targets = table.reindex(ids).to_numpy(np.float32)
    bad = [ids[row] for row in np.flatnonzero(np.isnan(targets).any(axis=1))]
    if bad or len(ids) < 2:
        raise UserError(f"{split.labels} lacks labels of utterances, or the split has fewer than two utterances", bad)
    return targets
