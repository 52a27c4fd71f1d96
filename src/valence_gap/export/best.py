"""The best model of a study: its candidates, how it is chosen, and its export."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json
from valence_gap.runtime.progress import log_line
from valence_gap.study.study import Study
from valence_gap.weights.local import SPECTROGRAM_MODEL_TYPES, model_type_of

MAIN = "figure_02"
CHOOSE = "Name one in the configuration: export: {model: NAME, seed: SEED}."


def candidates(study: Study) -> list[tuple[str, int]]:
    """(model, seed) of the models that the exported one is chosen from.

    If the configuration names a model: its seeds, or the one seed that the configuration names. Otherwise: the trained
    transformers of figure 2.
    """
    export = study.configuration.export
    if export.model is not None:
        seeds = study.models[export.model].seeds if export.seed is None else (export.seed,)
        return [(export.model, seed) for seed in seeds]
    return [
        (model, seed)
        for model, seed in study.runs(MAIN)
        if model in study.models and study.is_trained(model) and not study.is_cnn14(model)
    ]


def training_data(study: Study) -> str:
    """Name of the training corpus: 'MSP-Podcast 1.7', or the label and a note that it is the miniature's."""
    name = study.configuration.train_corpus
    if name is None:
        return ""
    corpus = study.configuration.corpora[name]
    if study.is_miniature(name):
        return f"{corpus.label} in miniature: synthesised speech"
    return " ".join(filter(None, [corpus.label, corpus.release]))


def training_licence(study: Study) -> str | None:
    """Licence of the training corpus, if the configuration contains it."""
    name = study.configuration.train_corpus
    return study.configuration.corpora[name].licence if name else None


def select_best(folders: Sequence[tuple[str, Path]]) -> str:
    """The name of the model with the highest mean CCC on the development set; the first if several have it.

    Args:
        folders: name and folder of each finished model.

    Raises:
        UserError: there is no model, or one of several has no training log that can be read.
    """
    if not folders:
        raise UserError(f"there is no transformer on waveforms in {MAIN} that could be exported", remedy=CHOOSE)
    if len(folders) == 1:  # a finished model that was not trained here has no log
        return folders[0][0]
    scores = {name: dev_ccc(folder) for name, folder in folders}
    unknown = [f"{folder}/training.csv" for name, folder in folders if scores[name] is None]
    if unknown:
        raise UserError("the best model cannot be chosen without these training logs", unknown, CHOOSE)
    for name, score in scores.items():
        log_line(f"{name}: mean CCC on the development set {score:.3f}")
    return max(scores, key=lambda name: scores[name] or 0.0)


def dev_ccc(folder: Path) -> float | None:
    """Mean CCC on the development set of the evaluation that was kept; None if no log contains it."""
    try:
        with (folder / "training.csv").open(encoding="utf-8", newline="") as stream:
            found = [float(row["dev_mean"]) for row in csv.DictReader(stream) if row["best"] == "True"]
    except (OSError, ValueError, KeyError):
        return None
    return found[0] if len(found) == 1 and math.isfinite(found[0]) else None


def export_best(
    folders: Sequence[tuple[str, Path]],
    output: Path,
    *,
    scores: Sequence[tuple[str, Path]],
    backbones: Mapping[str, Path],
    study: str,
    trained_on: str,
    report: Path | None,
    licence: str | None,
    corpus_licence: str | None,
) -> None:
    """Export the best model with its card, as ONNX too where its kind allows it and the packages for it are installed.

    Args:
        folders: ``MODEL:SEED`` and folder of each model that it is chosen from.
        output: the folder that is written; if writing fails, there is no folder.
        scores: ``MODEL:SEED`` and score table of any of them.
        backbones: fetched backbone by model.
        study: name of the study.
        trained_on: name of the training corpus.
        report: ``report.json`` of the prepared training corpus.
        licence: licence of the weights; None to leave it open.
        corpus_licence: licence of the training corpus; None if it is not known.

    Raises:
        UserError: as :func:`select_best` and :func:`valence_gap.export.to_huggingface.export_huggingface`.
    """
    from valence_gap.export.to_huggingface import (  # the workflow imports this file, and importing torch is slow
        CardOptions,
        export_huggingface,
    )
    from valence_gap.export.to_onnx import KINDS, missing_packages

    folders = _with_waveforms(folders)
    chosen = select_best(folders)
    model, kind = chosen.rpartition(":")[0], model_type_of(dict(folders)[chosen])
    missing = missing_packages()
    if kind not in KINDS:
        log_line(f"not exported as ONNX: the model is a {kind}")
    elif missing:
        log_line(f"not exported as ONNX: {', '.join(missing)} not installed (pip install 'valence-gap[onnx]')")
    data = CardOptions(
        name=f"{study}-{model}",
        trained_on=_described(trained_on, report),
        licence=licence,
        corpus_licence=corpus_licence,
        backbone=backbones.get(model),
        scores=[path for name, path in scores if name == chosen],
        selected_from=[name for name, _ in folders],
    )
    export_huggingface(dict(folders)[chosen], output, data, onnx=kind in KINDS and not missing)


def _with_waveforms(folders: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The models whose input is a waveform, since the exported layout has no other front end."""
    kinds = {name: model_type_of(folder) for name, folder in folders}
    for name, kind in kinds.items():
        if kind in SPECTROGRAM_MODEL_TYPES:
            log_line(
                f"{name}: skipped, since the input of a {kind} is a spectrogram, which the export does not support"
            )
    return [
        (name, folder) for name, folder in folders if kinds[name] not in SPECTROGRAM_MODEL_TYPES or len(folders) == 1
    ]


def _described(corpus: str, report: Path | None) -> str:
    """The training corpus with its size: 'MSP-Podcast 1.7; 42,541 utterances, 62.0 h, 1,018 known speakers'."""
    if report is None:
        return corpus
    train = read_json(report)["splits"]["train"]
    size = f"{train['utterances']:,} utterances, {train['hours']:.1f} h, {train['speakers']:,} known speakers"
    return f"{corpus}; {size}"
