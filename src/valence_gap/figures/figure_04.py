"""Figure 4: valence on original and on synthesised speech of the same words (section IV-C)."""

import pandas as pd

from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED, Evaluation
from valence_gap.definitions.figures import Description, Inputs, ShownCorpus
from valence_gap.figures.data import RunPredictions, mean_over_seeds, read_predictions
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Plot
from valence_gap.figures.figure_05 import pairs_by_backbone
from valence_gap.runtime.errors import UserError
from valence_gap.scores import statistics

# Columns: the voice. Rows: whether the transformer layers were frozen.
VOICES = {"original": "Original", "synthesised": "Synthesised"}
TRAININGS = {"": "fine-tuned", "-frozen": "frozen"}
DIMENSION = "valence"


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars for the original files and the synthesised ones, each with fine-tuned and with frozen transformer layers.

    All bars use the utterances that were synthesised, so that original and synthesised differ only in the voice.

    Args:
        inputs: with ``predictions`` (clean and synthesised) and ``labels``.
        description: models: fine-tuned and frozen ones, paired by their backbone.
    """
    pairs = pairs_by_backbone(description)
    named = {one.name: other.name for one, other in pairs}
    tables = [_rows(inputs, corpus, named, description.evaluation) for corpus in description.corpora]
    table = mean_over_seeds(pd.concat(tables, ignore_index=True), ["corpus", "section", "model"])
    rows: list[bars.Row] = []
    for corpus in description.corpora:
        for training, shown in TRAININGS.items():
            sections = {f"{voice}{training}": title for voice, title in VOICES.items()}
            parts = [table[(table["corpus"] == corpus.name) & (table["section"] == section)] for section in sections]
            titles = [title if not rows else "" for title in sections.values()]
            panels = map(bars.Panel, titles, parts)
            rows.append((f"{corpus.label}\n{shown}", list(panels)))
    bar_style = bars.style_of(description, models=tuple(one for one, _ in pairs))
    return Plot(bars.plot(rows, bar_style), table)


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
                estimate = _estimate(predicted, common, evaluation)
                rows.append({"corpus": corpus.name, "section": section, "model": model, "seed": seed, **estimate})
    return pd.DataFrame(rows)


def _estimate(predicted: RunPredictions, ids: "pd.Index[str]", evaluation: Evaluation) -> dict[str, float]:
    options = statistics.bootstrap(evaluation, predicted.run.corpus, SYNTHESISED)
    return statistics.ccc_estimate(*predicted.select(ids), **options).first("ccc")
