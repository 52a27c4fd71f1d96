"""Figure 4: valence on original and on synthesised speech of the same words (section IV-C)."""

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED, Evaluation
from valence_gap.definitions.figures import Description, Inputs, ShownCorpus, ShownModel, in_words
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.figure_05 import pairs_by_backbone
from valence_gap.figures.intervals import mean_over_seeds
from valence_gap.runtime.errors import UserError
from valence_gap.scores import statistics
from valence_gap.scores.group_scores import speaker_generator
from valence_gap.scores.run_predictions import RunPredictions, read_predictions, read_speakers
from valence_gap.scores.speaker_bootstrap import speaker_cccs, speaker_codes

# Columns: the voice. Rows: whether the transformer layers were frozen.
VOICES = {"original": "Original", "synthesised": "Synthesised"}
TRAININGS = {"": "fine-tuned", "-frozen": "frozen"}
DIMENSION = "valence"


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars for the original files and the synthesised ones, each with fine-tuned and with frozen transformer layers.

    All bars use the utterances that were synthesised, so that original and synthesised differ only in the voice.

    Args:
        inputs: with ``predictions`` (clean and synthesised), ``labels`` and ``utterances``.
        description: models: fine-tuned and frozen ones, paired by their backbone.
    """
    pairs = pairs_by_backbone(description)
    named = {one.name: other.name for one, other in pairs}
    models = tuple(one for one, _ in pairs)
    seeds = pd.concat([_rows(inputs, corpus, named, description.evaluation) for corpus in description.corpora])
    table = mean_over_seeds(
        seeds.reset_index(drop=True),
        {model.name: model.kind for model in models},
        description.evaluation.confidence,
        keys=["corpus", "section", "model"],
        condition="section",
    )
    samples = seeds.drop_duplicates("corpus").set_index("corpus")["samples"]
    table["samples"] = table["corpus"].map(samples)
    rows = _panels(table, description)
    caption = _caption(table, samples, description, models)
    bar_style = bars.style_of(description, caption, models=models)
    alt = f"{caption.subtitle} {bars.describe(rows, bar_style)}"
    return Plot(bars.plot(rows, bar_style), table, caption, alt)


def _panels(table: pd.DataFrame, description: Description) -> list[bars.Row]:
    rows: list[bars.Row] = []
    for corpus in description.corpora:
        for training, shown in TRAININGS.items():
            panels = []
            for voice, title in VOICES.items():
                part = table[(table["corpus"] == corpus.name) & (table["section"] == f"{voice}{training}")]
                panels.append(bars.Panel("" if rows else title, part, f"{corpus.label}, {voice}, {shown}"))
            rows.append((f"{corpus.label}\n{shown}", list(panels)))
    return rows


def _caption(
    table: pd.DataFrame, samples: "pd.Series[int]", description: Description, models: tuple[ShownModel, ...]
) -> Caption:
    counts = in_words([f"{samples[corpus.name]:,} of {corpus.label}" for corpus in description.corpora])
    subtitle = (
        "CCC of valence on original recordings, and on speech synthesised from their transcripts, which has the same "
        f"words in a neutral voice. Only test utterances with a transcript ({counts}), so the original bars differ "
        "from those of Figure 2."
    )
    foot = seeds_text(table, description, {model.name: model.label for model in models})
    return Caption("Valence from the words alone", subtitle, foot, description.note)


def _rows(inputs: Inputs, corpus: ShownCorpus, named: dict[str, str], evaluation: Evaluation) -> pd.DataFrame:
    """CCC of each seed of each model (fine-tuned -> frozen) in each section of one corpus."""
    original = read_predictions(inputs, corpus.name, CLEAN, DIMENSION)
    synthesised = read_predictions(inputs, corpus.name, SYNTHESISED, DIMENSION)
    ids = [runs.table.index for by_seed in synthesised.values() for runs in by_seed.values()]
    if not ids:
        raise UserError(f"there are no predictions of synthesised speech of {corpus.name}", remedy="predict them first")
    common = ids[0]
    for more in ids[1:]:
        common = common.intersection(more)
    speakers = read_speakers(inputs, corpus.name)
    rows = []
    for model, frozen in named.items():
        sections = {
            "original": original.get(model),
            "synthesised": synthesised.get(model),
            "original-frozen": original.get(frozen),
            "synthesised-frozen": synthesised.get(frozen),
        }
        for section, runs in sections.items():
            if not runs:
                raise UserError(f"predictions are missing: {section} of {model} on {corpus.name}")
            for seed, predicted in runs.items():
                estimate = _estimate(predicted, common, speakers, evaluation)
                rows.append({"corpus": corpus.name, "section": section, "model": model, "seed": seed, **estimate})
    return pd.DataFrame(rows).assign(samples=len(common))


def _estimate(
    predicted: RunPredictions, ids: "pd.Index[str]", speakers: "pd.Series[str]", evaluation: Evaluation
) -> dict[str, float]:
    """ccc, se_utterances, se_speakers and number of speakers of some utterances."""
    corpus = predicted.run.corpus
    truth, predictions = predicted.select(ids)
    estimate = statistics.ccc_estimate(truth, predictions, **statistics.bootstrap(evaluation, corpus, SYNTHESISED))
    codes = speaker_codes(speakers.reindex(ids).to_numpy(dtype=object))
    rng = speaker_generator(evaluation, corpus, SYNTHESISED)
    resampled = speaker_cccs(truth, predictions, codes, resamples=evaluation.bootstrap, rng=rng)
    count = len(np.unique(codes))
    se_speakers = statistics.speaker_error(resampled, count)[0]
    return {
        "ccc": estimate.value[0],
        "se_utterances": estimate.se[0],
        "se_speakers": se_speakers,
        "speakers": count,
    }
