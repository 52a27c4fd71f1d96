"""Figure 3: CCC of the fusion with text minus that of the audio model alone (section IV-B)."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from valence_gap.definitions.figures import Description, Inputs, ShownModel
from valence_gap.figures.drawing import differences
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json

REMEDY = "list fusions in figures.*.models; their audio models may be listed too"


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the differences, with intervals: both models on the same resamples, and the spread over seeds.

    The foot of the figure and the column ``word_error_rate`` show the word error rate of the recogniser whose text the
    fusions use. The additional table ``word_error_rates`` and the foot show it for every transcribed corpus.

    Args:
        inputs: with ``predictions`` of the fusions and of their audio models, ``labels``, ``utterances`` and
            ``transcriptions``.
        description: models: fusions, each with ``audio``; their audio models may be listed too.
    """
    transcribed = {corpus.name: corpus.label for corpus in (*description.corpora, *description.transcribed)}
    word_errors = pd.DataFrame([_word_errors(inputs, corpus) for corpus in transcribed])
    rates = dict(zip(word_errors["corpus"], word_errors["rate"], strict=True))
    caption = Caption(
        "What recognised text adds",
        "ΔCCC: CCC of the model that also reads the recognised text minus CCC of the same model with audio alone. "
        f"Above 0, text helps. Test set{description.plural()} of {description.corpus_labels()}.",
        _rates_text(rates, description),
        description.note,
    )
    drawing = differences.plot(_pairs(description), inputs, description, subtrahend="audio", caption=caption)
    table = drawing.table.assign(word_error_rate=drawing.table["corpus"].map(rates))
    return replace(drawing, table=table, extra_tables={"word_error_rates": word_errors})


def _rates_text(rates: dict[str, float], description: Description) -> str:
    """Word error rates: of the corpora that are shown, and of those that are not."""
    shown = [corpus.name for corpus in description.corpora]
    others = [corpus for corpus in description.transcribed if corpus.name not in shown]
    parts = [f"{corpus.label} {_percent(rates[corpus.name])}" for corpus in description.corpora]
    text = f"Word error rate of the recogniser: {', '.join(parts)}"
    if others:
        listed = ", ".join(f"{corpus.label} {_percent(rates[corpus.name])}" for corpus in others)
        text += f"; on test sets that are not shown: {listed}"
    return f"{text}."


def _word_errors(inputs: Inputs, corpus: str) -> dict[str, Any]:
    """Word errors of the recogniser on the test set of a corpus; the rate is NaN without reference transcripts.

    Raises:
        UserError: if the report is missing or lacks a number.
    """
    if corpus not in inputs.transcriptions:
        raise UserError(
            f"the report of the transcripts of {corpus} is missing",
            remedy=f"pass it with --transcriptions {corpus}=FILE",
        )
    path = inputs.transcriptions[corpus]
    try:
        report = read_json(path)
        rate = report["word_error_rate"]
        return {
            "corpus": corpus,
            "split": "test",
            "utterances": int(report["utterances"]),
            "compared": int(report["compared"]),
            "words": int(report["words"]),
            "errors": int(report["word_edits"]),
            "rate": math.nan if rate is None else float(rate),
            "remark": "no reference transcripts" if rate is None else "",
        }
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "a report of transcripts cannot be read", [f"{path}: {error!r}"], "run the transcription again"
        ) from error


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f}\N{NO-BREAK SPACE}%" if math.isfinite(rate) else "no references"


def _pairs(description: Description) -> list[tuple[ShownModel, str]]:
    """Each fusion with the name of its audio model, in order.

    Raises:
        UserError: if there is no fusion, or a model is neither a fusion nor the audio model of one.
    """
    fusions = [model for model in description.models if model.audio]
    owned = {model.audio for model in fusions}
    alone = [model.name for model in description.models if not model.audio and model.name not in owned]
    if alone or not fusions:
        raise UserError(
            "this figure shows fusions with text, and only fusions and their `audio` models can be listed",
            alone,
            REMEDY,
        )
    return [(fusion, fusion.audio) for fusion in fusions]
