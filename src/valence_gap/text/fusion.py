"""Fusion with text: a regression head on an audio model's pooled states and text embeddings (paper, section IV-B).

Both encoders are frozen, so only a head is trained, on two stored arrays per split. As in the paper, the two arrays are
concatenated without standardisation or projection.
"""

import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.models import Recipe
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.models.families import family_of, final_dropout
from valence_gap.models.head import RegressionHead
from valence_gap.models.operations import TRAINING
from valence_gap.runtime import precision
from valence_gap.runtime.data_files import write_csv, write_parquet
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, write_json
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import run_record
from valence_gap.scores.metrics import cccs
from valence_gap.text.fusion_inputs import Floats, FusionSplit, read_lengths, read_split, read_targets
from valence_gap.training.batching import epoch_batches, sorting_lengths
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer, set_learning_rate
from valence_gap.training.seeding import seed_everything
from valence_gap.weights import folders
from valence_gap.weights.model_types import CONFIG, WEIGHTS

MODEL_TYPE = "valence_gap_fusion"
INITIALIZER_RANGE = 0.02  # initializer_range of the paper's encoders; their head is initialised with it


def train_fusion(
    fusion: Fusion,
    train: FusionSplit,
    dev: FusionSplit,
    output: Path,
    *,
    backbone: Path | None = None,
    lengths: Path | None = None,
) -> None:
    """Train a head on audio and text, and write the one of the epoch with the best mean dev CCC.

    Training runs on the CPU, where the same definition and data give the same weights.

    Args:
        fusion: the definition.
        train: training split.
        dev: development split, which selects the best epoch and stops the training.
        output: folder that is written: ``model.safetensors``, ``config.json``, ``training.csv`` and ``run.json``.
        backbone: folder of the audio model's backbone, whose dropout ``head_dropout: null`` stands for.
        lengths: index of the pack of the training audio, whose lengths ``batches: by-length`` sorts by.

    Raises:
        UserError: arrays, tables and labels do not fit together, or the recipe needs a file that is not given.
    """
    started = time.monotonic()
    dropout = _head_dropout(fusion.recipe, backbone)
    examples, dev_examples = read_split(train), read_split(dev)
    targets, dev_targets = (read_targets(split, read.ids) for split, read in ((train, examples), (dev, dev_examples)))
    if examples.vectors.shape[1] != dev_examples.vectors.shape[1]:
        raise UserError(
            "the embeddings of the two splits are from different models",
            [f"train: {examples.vectors.shape[1]} values per utterance", f"dev: {dev_examples.vectors.shape[1]}"],
        )
    sorted_by = _batch_lengths(fusion.recipe, examples.ids, lengths)
    with precision.cpu_threads(fusion.recipe.threads):
        head, rows = train_head(
            fusion,
            (examples.vectors, targets),
            (dev_examples.vectors, dev_targets),
            sorted_by=sorted_by,
            dropout=dropout,
        )
    log = pd.DataFrame(rows)
    best = int(log["epoch"].iloc[int(log["dev_mean"].argmax())])
    hidden = examples.vectors.shape[1]
    config = {
        "model_type": MODEL_TYPE,
        "audio_hidden": examples.audio_hidden,
        "text_hidden": hidden - examples.audio_hidden,
        "head_dropout": dropout,
    }
    inputs = train.inputs("train") | dev.inputs("dev")
    inputs |= {"backbone": backbone / CONFIG} if backbone else {}
    inputs |= {"train/lengths": lengths} if lengths else {}
    weights = sum(weight.numel() for weight in head.parameters())
    passes = len(rows) * (TRAINING * len(examples.vectors) + len(dev_examples.vectors))
    record = run_record(json.loads(to_json(fusion)), inputs=inputs, started=started, flop=2.0 * weights * passes)
    with atomic_folder(output) as scratch:
        folders.write(scratch, config, {f"classifier.{name}": weight for name, weight in head.state_dict().items()})
        write_csv(scratch / "training.csv", log.assign(best=log["epoch"] == best))
        write_json(scratch / "run.json", record | {"best_epoch": best, "epochs": len(log)})


def _head_dropout(recipe: Recipe, backbone: Path | None) -> float:
    if recipe.head_dropout is not None:
        return recipe.head_dropout
    if backbone is None:
        raise UserError(
            "the recipe has `head_dropout: null`, the dropout of the audio model's backbone, but no backbone is given",
            remedy="Give the folder of the backbone, or a number in the recipe.",
        )
    return final_dropout(family_of(backbone)[1])


def _batch_lengths(recipe: Recipe, ids: list[str], index: Path | None) -> npt.NDArray[np.int64]:
    """The lengths by which the batches are formed; without an index they are all equal."""
    if recipe.batches == "by-length" and index is None:
        raise UserError(
            "the recipe has `batches: by-length`, but the lengths of the utterances are not given",
            remedy="Give the index of the pack of the training audio, or set `batches: shuffled`.",
        )
    lengths = np.ones(len(ids), dtype=np.int64) if index is None else read_lengths(ids, index)
    return sorting_lengths(lengths, recipe, head_only=True)


def train_head(
    fusion: Fusion,
    train: tuple[torch.Tensor, Floats],
    dev: tuple[torch.Tensor, Floats],
    *,
    sorted_by: npt.NDArray[np.int64],
    dropout: float,
) -> tuple[RegressionHead, list[dict[str, float]]]:
    """Train a head of :mod:`valence_gap.models.head` with the CCC loss until the dev CCC stops rising.

    Args:
        fusion: the definition.
        train: vectors (utterances, hidden) and labels (utterances, 3).
        dev: the same for the development split.
        sorted_by: lengths by which the training vectors are put into batches, (utterances,).
        dropout: probability of dropout in the head.

    Returns:
        The head of the best epoch, and the rows of the training log.
    """
    recipe = fusion.recipe
    vectors, targets = train[0], torch.from_numpy(train[1])
    seed_everything(fusion.seed)
    head = RegressionHead(vectors.shape[1], dropout)
    head.initialise(INITIALIZER_RANGE)
    optimizer = build_optimizer(recipe, list(head.parameters()))
    rows: list[dict[str, float]] = []
    best, best_mean, best_epoch = _copy(head), -np.inf, 0
    for epoch in range(1, recipe.epochs + 1):
        head.train()
        losses = []
        batches = epoch_batches(sorted_by, recipe.batch_size, seed=fusion.seed, epoch=epoch)
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
        inputs = split.inputs("test") | {f"model/{name}": model / name for name in (CONFIG, WEIGHTS)}
        weights = sum(weight.numel() for weight in head.parameters())
        found = run_record(definition, inputs=inputs, started=started, flop=2.0 * weights * len(rows.vectors))
        write_json(record, found | {"precision": "float32", "deterministic": True})
