"""Whether a model was trained on synthetic speech, as the miniature's are: it is of no use for real recordings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.runtime.files import read_json
from valence_gap.runtime.provenance import checksum

MADE_HERE = "pre-trained by this project"  # the source of a backbone that was pre-trained on synthetic speech
CARD_WORDS = "contain no human voice"  # in the card of an exported model with such a backbone
MINIATURE = ("resources", "miniature")
PROJECT = Path(__file__).parents[3]


def is_synthetic_backbone(record: Mapping[str, Any]) -> bool:
    """Whether a backbone, of which the ``run.json`` is given, was pre-trained on synthetic speech."""
    return MADE_HERE in (record.get("source"), record.get("made_by", {}).get("source"))


def is_trained_on_synthetic_speech(model: Path) -> bool:
    """Whether the folder of a finished model says that its training, or that of its backbone, was on synthetic speech.

    It is known from the backbone that its ``run.json`` names, from its model card, or, for a model in the results of a
    study, from the corpus that the study generated.
    """
    run = _record(model / "run.json")
    source = run.get("definition", {}).get("backbone", {}).get("source")
    if isinstance(source, str) and _is_synthetic_source(source):
        return True
    card = model / "README.md"
    if card.is_file() and CARD_WORDS in card.read_text(encoding="utf-8", errors="replace"):
        return True
    return _is_trained_on_generated_corpus(model.absolute(), run.get("inputs", {}).get("train/utterances"))


def _is_synthetic_source(source: str) -> bool:
    if Path(source).parts[-3:-1] == MINIATURE:
        return True
    return any(is_synthetic_backbone(_record(root / source / "run.json")) for root in (Path(), PROJECT))


def _is_trained_on_generated_corpus(model: Path, utterances: str | None) -> bool:
    """Whether a study generated the corpus that a model of its results was trained on.

    Args:
        model: ``results/<study>/models/<model>/seed-<seed>``.
        utterances: checksum of the table of the training utterances.
    """
    study = model.parents[2] if len(model.parents) > 2 else model
    if utterances is None or not (study / "raw" / "manifest.json").is_file():
        return False
    for table in sorted(study.glob("corpora/*/utterances.train.parquet")):
        if checksum(table) != utterances:
            continue
        inventory = pd.read_csv(table.parent / "inventory.csv", nrows=1)
        for name, digest in zip(inventory["file"], inventory["sha256"], strict=True):
            found = next((study / "raw").rglob(Path(name).name), None)
            return found is not None and checksum(found) == digest
    return False


def _record(path: Path) -> Mapping[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
