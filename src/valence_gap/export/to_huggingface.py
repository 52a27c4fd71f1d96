"""Export of a finished model in the layout of the authors' released one, for use without this project."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from valence_gap.export.card import CardContent, read_scores, render_model_card
from valence_gap.export.number_formats import compare_formats
from valence_gap.export.to_onnx import KINDS, export_onnx, require_onnx
from valence_gap.models.encoder import TransformerModel
from valence_gap.models.families import FAMILIES
from valence_gap.models.loading import load
from valence_gap.pretraining.card import preprocessor
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, read_json, write_json, write_text
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import checksum, run_record


@dataclass(frozen=True)
class CardOptions:
    """Facts for the model card that are not in the model's folder.

    Attributes:
        name: name of the model.
        trained_on: the training data, in words.
        licence: identifier of the licence of the weights; None to leave it open.
        backbone: folder of the fetched backbone, whose ``run.json`` contains source and licence.
        scores: score tables of the model.
        selected_from: models and seeds that it was chosen from.
        corpus_licence: licence of the training data, in words; None if it is not known.
    """

    name: str
    trained_on: str = ""
    licence: str | None = None
    backbone: Path | None = None
    scores: Sequence[Path] = ()
    selected_from: Sequence[str] = ()
    corpus_licence: str | None = None


def export_huggingface(model: Path, output: Path, data: CardOptions, *, onnx: bool = False) -> None:
    """Write ``model.safetensors``, ``config.json``, the files of the processor, ``README.md`` and ``run.json``.

    Args:
        model: folder of a finished transformer model.
        output: the folder that is written; if writing fails, there is no folder.
        data: facts for the card.
        onnx: write ``model.onnx`` too.

    Raises:
        UserError: there is no such model, it is a CNN14, its input is a spectrogram, or facts for the card cannot be
            read.
    """
    started = time.monotonic()
    if onnx:
        require_onnx()
    if output.resolve() == model.resolve():
        raise UserError("the model would be overwritten by its export", [str(output)], "Choose another --output.")
    loaded = load(model)
    if not isinstance(loaded, TransformerModel):
        raise UserError(
            "only transformer models are exported",
            [f"{model}: a CNN14"],
            "Load it with valence_gap.models.loading.load.",
        )
    if loaded.front_end is not None:
        raise UserError(
            "only models whose input is a waveform are exported",
            [f"{model}: its input is a spectrogram"],
            "Load it with valence_gap.models.loading.load.",
        )
    encoder = loaded.backbone
    if onnx and encoder.config.model_type not in KINDS:
        raise UserError(
            "this kind of model is not exported as ONNX",
            [f"{model}: {encoder.config.model_type}, not {' or '.join(KINDS)}"],
            "Omit --onnx.",
        )
    facts = _facts(model, loaded, data, onnx=onnx)
    with atomic_folder(output) as scratch:
        loaded.save(scratch)
        norm = getattr(encoder.config, "feat_extract_norm", "layer")  # data2vec has only the layer normalisation
        normalised = loaded.stem is None or loaded.stem.normalised
        write_json(scratch / "preprocessor_config.json", preprocessor(norm) | {"do_normalize": normalised})
        # Wav2Vec2Processor, which the card of the authors' model uses, needs a tokenizer, although there is no text.
        write_json(scratch / "vocab.json", {})
        write_json(scratch / "tokenizer_config.json", {"tokenizer_class": "Wav2Vec2CTCTokenizer"})
        if onnx:
            log_line("writing the model as ONNX, and comparing the outputs of both")
            export_onnx(scratch, FAMILIES[encoder.config.model_type].name, loaded.regression, scratch / "model.onnx")
        write_text(scratch / "README.md", render_model_card(facts))
        record = run_record({"name": data.name}, inputs={"model": model / "model.safetensors"}, started=started)
        sums = {path.name: checksum(path) for path in sorted(scratch.iterdir())}
        write_json(scratch / "run.json", record | {"sha256": sums})
    log_line(f"{output}: {data.name} with {facts.parameters:,} parameters; check its README.md before you publish it")


def _facts(model: Path, loaded: TransformerModel, data: CardOptions, *, onnx: bool) -> CardContent:
    """The content of the card, from the model, its folder and the options."""
    run = _record(model / "run.json")
    backbone = _record(data.backbone / "run.json", required=True) if data.backbone is not None else {}
    config = cast(Any, loaded.backbone.config)
    family = FAMILIES[config.model_type]
    return CardContent(
        name=data.name,
        family=family.name,
        prefix=family.prefix,
        parameters=sum(weight.numel() for weight in loaded.parameters()),
        layers=config.num_hidden_layers,
        run=run,
        log=pd.read_csv(model / "training.csv") if (model / "training.csv").is_file() else None,
        backbone=backbone,
        trained_on=data.trained_on,
        licence=data.licence,
        corpus_licence=data.corpus_licence,
        scores=read_scores(data.scores, run),
        formats=compare_formats(loaded, run),
        onnx=onnx,
        selected_from=data.selected_from,
        normalised=loaded.stem is None or loaded.stem.normalised,
    )


def _record(path: Path, *, required: bool = False) -> Mapping[str, Any]:
    """The content of a ``run.json``; empty if there is none and it is not required."""
    if not path.is_file() and not required:
        return {}
    try:
        record = read_json(path)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError("the record of a run cannot be read", [f"{path}: {error}"]) from error
    return cast(Mapping[str, Any], record) if isinstance(record, dict) else {}
