"""The utterances that the page shows: a table of the test sets, and a few to listen to under each condition."""

import base64
import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from valence_gap.audio.packs import AUDIO, Pack, Waveform, open_pack
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import write_json
from valence_gap.runtime.provenance import run_record

DRAWN = 5
"""Utterances of each corpus that one can listen to, the same under every condition."""
COMPRESSION = 0.85  # of libsndfile, 0..1: constant 32 kbit/s at 16 kHz, enough for speech
DIGITS = 4
PERSON = ["speaker", "gender", "duration_s", "transcript"]


@dataclass(frozen=True)
class UtteranceFiles:
    """What the utterances of the page are read from; keys are corpora, or a corpus and a condition.

    Attributes:
        predictions: predictions of the shown model by corpus; several files for several sets of conditions.
        labels: label tables by corpus.
        utterances: utterance tables by corpus.
        packs: folders of packs by corpus and condition, in order; only of corpora whose audio may be shown.
    """

    predictions: Mapping[str, tuple[Path, ...]]
    labels: Mapping[str, Path]
    utterances: Mapping[str, Path]
    packs: Mapping[tuple[str, str], Path]

    def by_name(self) -> dict[str, Path]:
        """All files by a name, for the run record."""
        named = {
            f"predictions/{name}/{path.stem}": path for name in self.predictions for path in self.predictions[name]
        }
        named |= {f"labels/{name}": path for name, path in self.labels.items()}
        named |= {f"utterances/{name}": path for name, path in self.utterances.items()}
        return named | {f"audio/{corpus}/{name}": path / AUDIO for (corpus, name), path in self.packs.items()}


def write_utterances(
    files: UtteranceFiles, *, model: str, run_seed: int, seed: int, output: Path, record: Path | None = None
) -> None:
    """Write the utterances that the page shows, as JSON.

    Args:
        files: what they are read from.
        model: name of the model whose predictions are shown.
        run_seed: seed of its training.
        seed: of the draw of the utterances to listen to.
        output: JSON with model, seed, columns, rows (clean speech, a row for each utterance) and clips.
        record: JSON file for the run record, if one is required: see :func:`valence_gap.runtime.provenance.run_record`.

    Raises:
        UserError: labels or utterances of a corpus are missing.
    """
    started = time.monotonic()
    missing = sorted(set(files.predictions) - (set(files.labels) & set(files.utterances)))
    if missing:
        raise UserError("labels or utterances are missing", missing, "pass them with --labels and --utterances")
    rows: list[list[Any]] = []
    clips: list[dict[str, Any]] = []
    for index, corpus in enumerate(files.predictions):
        table = _table(files, corpus)
        clean = table[table["condition"] == CLEAN]
        rows += _rows(clean, corpus)
        packs = {condition: open_pack(path) for (name, condition), path in files.packs.items() if name == corpus}
        clips += _clips(table, corpus, packs, np.random.default_rng([seed, index]))
    found = {"model": model, "seed": run_seed, "columns": columns(), "rows": rows, "clips": clips}
    write_json(output, found)
    if record:
        definition = {"model": model, "run_seed": run_seed, "seed": seed}
        write_json(record, run_record(definition, inputs=files.by_name(), started=started))


def columns() -> list[str]:
    """Names of the columns of the rows."""
    numbers = [f"{kind}_{dimension}" for dimension in DIMENSIONS for kind in ("label", "predicted")]
    return ["corpus", "id", "speaker", "gender", "duration_s", *numbers, "error_valence", "transcript"]


def _table(files: UtteranceFiles, corpus: str) -> pd.DataFrame:
    """Labels, predictions and the speaker of all utterances with predictions; a row for each condition."""
    predicted = pd.concat([pd.read_parquet(path) for path in files.predictions[corpus]], ignore_index=True)
    people = pd.read_parquet(files.utterances[corpus]).reindex(columns=["id", *PERSON])
    labels = pd.read_parquet(files.labels[corpus])
    named = [name for name in DIMENSIONS if name in labels]
    labels = labels[["id", *named]].rename(columns={name: f"label_{name}" for name in named})
    predicted = predicted.rename(columns={name: f"predicted_{name}" for name in DIMENSIONS})
    return predicted.merge(people, on="id", how="left").merge(labels, on="id", how="left")


def _rows(clean: pd.DataFrame, corpus: str) -> list[list[Any]]:
    table = clean.assign(corpus=corpus).reindex(columns=columns())
    table["error_valence"] = table["predicted_valence"] - table["label_valence"]
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].astype(float).round(DIGITS)  # float32 would be written with 17 digits
    return [[None if pd.isna(cell) else cell for cell in row] for row in table.astype(object).to_numpy().tolist()]


def _clips(
    table: pd.DataFrame, corpus: str, packs: Mapping[str, Pack], draws: np.random.Generator
) -> list[dict[str, Any]]:
    """A few utterances under each condition, the same ones where they exist under all conditions."""
    if not packs:
        return []
    spoken = {name: _spoken(pack) for name, pack in packs.items()}
    labelled = set(table.loc[table["condition"] == CLEAN, "id"])
    candidates = sorted(labelled.intersection(*spoken.values())) or sorted(labelled & spoken[next(iter(packs))].keys())
    drawn = [*draws.permutation(np.array(candidates, dtype=str))[:DRAWN]]
    found = []
    for identifier in sorted(map(str, drawn)):
        for condition, pack in packs.items():
            if identifier in spoken[condition]:
                rows = table[(table["id"] == identifier) & (table["condition"] == condition)]
                audio = mp3(pack.read(spoken[condition][identifier]))
                found.append(_clip(rows, corpus, identifier, condition) | {"audio": audio})
    return found


def _spoken(pack: Pack) -> dict[str, int]:
    """The row of each utterance with samples; a pack of synthesised speech has none of those without a transcript."""
    return {name: row for row, (name, samples) in enumerate(zip(pack.ids, pack.samples, strict=True)) if samples}


def _clip(rows: pd.DataFrame, corpus: str, identifier: str, condition: str) -> dict[str, Any]:
    values = rows.iloc[0] if len(rows) else pd.Series(dtype=object)

    def value(name: str) -> Any:
        found = values.get(name)
        if found is None or pd.isna(found):
            return None
        return round(float(found), DIGITS) if isinstance(found, int | float | np.number) else str(found)

    return {
        "corpus": corpus,
        "id": identifier,
        "condition": condition,
        **{name: value(name) for name in PERSON},
        "labels": {name: value(f"label_{name}") for name in DIMENSIONS},
        "predictions": {name: value(f"predicted_{name}") for name in DIMENSIONS},
    }


def mp3(waveform: Waveform) -> str:
    """A waveform, float32 (samples,) in -1..1 at 16 kHz, as MP3 in base64; every browser plays it."""
    with io.BytesIO() as stream:
        settings = {"bitrate_mode": "CONSTANT", "compression_level": COMPRESSION}
        soundfile.write(stream, waveform, SAMPLE_RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", **settings)
        return base64.b64encode(stream.getvalue()).decode("ascii")


def by_corpus(paths: Iterable[tuple[str, Path]]) -> dict[str, tuple[Path, ...]]:
    """Group paths by corpus, in order of first occurrence."""
    found: dict[str, tuple[Path, ...]] = {}
    for corpus, path in paths:
        found[corpus] = (*found.get(corpus, ()), path)
    return found
