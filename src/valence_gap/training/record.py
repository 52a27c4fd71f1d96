"""The record of a finished training: ``training.csv`` and ``run.json``."""

import json
from pathlib import Path

import pandas as pd
import torch

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import to_json
from valence_gap.runtime import gpu_memory, precision, provenance
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.files import write_json
from valence_gap.training.checkpoints import TrainerState


def write_log(
    folder: Path,
    training: Training,
    journal: TrainerState,
    *,
    device: torch.device,
    part_size: int | None,
    checksums: dict[str, str],
    flop: float,
    started: float,
) -> None:
    """Write ``training.csv`` and ``run.json``; if each epoch has one evaluation, steps are left out of both.

    Args:
        folder: folder of the trained model.
        training: its definition.
        journal: progress of the finished training.
        device: on which the last run of the training computed.
        part_size: utterances of a batch that were computed at once; None: a whole batch.
        checksums: checksum of every input, by name.
        flop: operations of the training, over all runs.
        started: ``time.monotonic()`` at the start of the last run.
    """
    rows = pd.DataFrame([dict(row) for row in journal.rows])
    rows = rows.assign(best=rows.index == journal.best)
    counts = {"best_epoch": journal.rows[journal.best]["epoch"], "epochs": journal.rows[-1]["epoch"]}
    if training.recipe.evaluate_every is None:
        rows = rows.drop(columns=["step", "epoch_end"], errors="ignore")
    else:
        counts |= {"best_step": journal.rows[journal.best]["step"], "evaluations": len(journal.rows)}
    write_csv(folder / "training.csv", rows)
    record = provenance.run_record(
        json.loads(to_json(training)), started=started, device=str(device), audio_s=journal.audio_s, flop=flop
    )
    peak = gpu_memory.peak()
    write_json(
        folder / "run.json",
        record
        | {
            "inputs": checksums,
            **counts,
            "resumes": journal.resumes,
            "train_s": round(journal.train_s, 3),
            "waited_s": round(journal.waited_s, 3),
            "audio_s_per_s": round(journal.audio_s / max(journal.train_s, 1e-9), 1),
            "devices": journal.devices,
            "precision": str(precision.resolve(training.recipe.precision, device)).removeprefix("torch."),
            "utterances_at_once": part_size or training.recipe.batch_size,
        }
        | ({"gpu_memory_bytes": peak} if peak else {}),
    )
