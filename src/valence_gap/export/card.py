"""The model card (README.md) of an exported model: usage, training, scores, limits, licence and citation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.export.number_formats import NumberFormats
from valence_gap.runtime.errors import UserError
from valence_gap.scores.scoring import COLUMNS
from valence_gap.weights.synthetic import is_synthetic_backbone

CARD = """\
---
{front}
---
# {name}

Predicts **arousal, dominance and valence** of speech, each roughly in 0..1, from raw 16 kHz audio. {architecture} of
{parameters:,} parameters, {layers} transformer layers, mean pooling and a regression head: the layout of
[Wagner et al. (2023)](https://doi.org/10.1109/TPAMI.2023.3263585), for whose reproduction it was trained.

## Usage
```python
{code}```

The input is one utterance, or several of the same length: padding would count as speech.{onnx}

Load it with this class. The classes of transformers for audio classification, and `pipeline("audio-classification")`,
have another head: they stop with an error about a negative dimension (`classifier_proj_size` in `config.json`), because
they would give meaningless scores. `Wav2Vec2Processor` gives the same input as `Wav2Vec2FeatureExtractor`.{published}

## Training
| | |
|---|---|
{training}

## Scores
{scores}

{formats}

## Limits
- It predicts how listeners of its training data would rate the speech, not what a speaker feels.
- The outputs are not bounded: they can be outside 0..1. Most of them are near the middle of the scale.
- It was trained on utterances of a few seconds. Cut longer recordings into parts and average the outputs.
- It can be worse for single speakers and groups than the mean scores show. Valence depends on the spoken words, and
  is less accurate in languages other than that of the training data.{synthetic}

## Licence
{licence}

## Citation
```bibtex
@article{{wagner2023dawn,
  title = {{Dawn of the Transformer Era in Speech Emotion Recognition: Closing the Valence Gap}},
  author = {{Wagner, Johannes and Triantafyllopoulos, Andreas and Wierstorf, Hagen and Schmitt, Maximilian and
            Burkhardt, Felix and Eyben, Florian and Schuller, Bj{{\\"o}}rn W.}},
  journal = {{IEEE Transactions on Pattern Analysis and Machine Intelligence}},
  volume = {{45}}, number = {{9}}, pages = {{10745--10759}}, year = {{2023}},
  doi = {{10.1109/TPAMI.2023.3263585}}
}}
```
"""

CODE = """\
import torch
from torch import nn
from transformers import Wav2Vec2FeatureExtractor, {family}Model, {family}PreTrainedModel


class RegressionHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.final_dropout)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, pooled):
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(pooled)))))


class EmotionModel({family}PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.{prefix} = {family}Model(config)
        self.classifier = RegressionHead(config)
        self.post_init()

    def forward(self, input_values):
        pooled = self.{prefix}(input_values)[0].mean(dim=1)
        return pooled, self.classifier(pooled)


folder = "."  # this folder
processor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
model = EmotionModel.from_pretrained(folder).eval()
signal = torch.zeros(16_000).numpy()  # your audio: mono, 16 kHz
inputs = processor(signal, sampling_rate=16_000, return_tensors="pt").input_values
with torch.no_grad():
    embeddings, scores = model(inputs)  # (1, hidden); (1, 3): arousal, dominance, valence
"""

PUBLISHED = """ The class in
the card of the authors' model loads this folder too; with transformers 5, write `self.post_init()` in it for
`self.init_weights()`."""

ONNX = """

`model.onnx` is the same model in ONNX: input `signal`, float32 (batch, samples){signal}; outputs
`hidden_states` (batch, hidden) and `logits` (batch, 3)."""

SYNTHETIC = """
- **The training data of its backbone contain no human voice**: it was pre-trained on synthesised speech, as a miniature
  that shows that a workflow runs. It is of no use for real recordings."""


@dataclass(frozen=True)
class CardContent:
    """The content of the card.

    Attributes:
        name: name of the model.
        family: start of its classes' names in transformers, such as Wav2Vec2.
        prefix: name of the encoder inside the model, such as wav2vec2.
        parameters: number of its parameters.
        layers: number of its transformer layers.
        run: the model's ``run.json``; empty if there is none.
        log: its ``training.csv``; None if there is none.
        backbone: the ``run.json`` of its backbone; empty if it is not given.
        trained_on: the training data, in words.
        licence: identifier of the licence; None if none was chosen.
        corpus_licence: licence of the training data, in words; None if it is not known.
        scores: rows of its score tables; None if there are none.
        formats: number formats of the predictions behind the scores.
        onnx: whether the folder contains an ONNX file.
        selected_from: models and seeds that it was chosen from; empty if there was no choice.
        normalised: its input has zero mean and unit variance.
    """

    name: str
    family: str
    prefix: str
    parameters: int
    layers: int
    run: Mapping[str, Any]
    log: pd.DataFrame | None
    backbone: Mapping[str, Any]
    trained_on: str
    licence: str | None
    corpus_licence: str | None
    scores: pd.DataFrame | None
    formats: NumberFormats
    onnx: bool
    selected_from: Sequence[str] = ()
    normalised: bool = True


def render_model_card(facts: CardContent) -> str:
    """The text of the card."""
    return CARD.format(
        front=_front(facts),
        name=facts.name,
        architecture=f"A {facts.family} model",
        parameters=facts.parameters,
        layers=facts.layers,
        code=CODE.format(family=facts.family, prefix=facts.prefix),
        onnx=ONNX.format(signal=" of zero mean and unit variance" if facts.normalised else "") if facts.onnx else "",
        published=PUBLISHED if facts.family == "Wav2Vec2" else "",
        training="\n".join(f"| {what} | {value} |" for what, value in _training(facts)),
        scores=_scores(facts.scores),
        formats=_formats(facts.formats),
        synthetic=SYNTHETIC if is_synthetic_backbone(facts.backbone) else "",
        licence=_licence(facts),
    )


def read_scores(tables: Sequence[Path], run: Mapping[str, Any]) -> pd.DataFrame | None:
    """The scores of one model, from several tables.

    Raises:
        UserError: a file is not a score table, or the tables are not all of this model and seed.
    """
    if not tables:
        return None
    read = {path: _read(path) for path in tables}
    wrong = [f"{path}: {problem}" for path, (_, problem) in read.items() if problem]
    if wrong:
        raise UserError("these files are not score tables", wrong, "Give CSV files that `valence-gap score` wrote.")
    scores = pd.concat([table for table, _ in read.values()], ignore_index=True)
    whose = scores[["model", "seed"]].drop_duplicates()
    seed = run.get("definition", {}).get("seed")
    found = [f"model {model}, seed {number}" for model, number in whose.itertuples(index=False)]
    if len(found) > 1 or (seed is not None and int(whose["seed"].iloc[0]) != seed):
        own = f" of seed {seed}" if seed is not None else ""
        raise UserError(
            "the scores are not all from the exported model", found, f"Give only the scores of the model{own}."
        )
    return scores


def _read(path: Path) -> tuple[pd.DataFrame, str]:
    try:
        table = pd.read_csv(path, dtype={"model": "str", "corpus": "str", "condition": "str", "group": "str"})
    except (OSError, ValueError) as error:
        return pd.DataFrame(), str(error)
    missing = [column for column in COLUMNS if column not in table]
    problem = f"no column {', '.join(missing)}" if missing else "" if len(table) else "it is empty"
    return table, problem


def _front(facts: CardContent) -> str:
    licence = facts.licence or facts.backbone.get("licence") or "unknown"
    tags = "[speech, audio, emotion-recognition]"
    return (
        f"license: {json.dumps(licence)}\nlibrary_name: transformers\npipeline_tag: audio-classification\ntags: {tags}"
    )


def _training(facts: CardContent) -> list[tuple[str, str]]:
    definition = facts.run.get("definition", {})
    recipe = definition.get("recipe", {})
    rows = [("data", facts.trained_on or "not stated"), ("backbone", _backbone(definition, facts.backbone))]
    if recipe:
        fraction, best = float(definition["fraction"]), facts.run.get("best_epoch")
        rows += [
            ("what was trained", "the head alone" if definition["frozen"] else _trained(recipe)),
            ("share of the training data", f"{fraction:.0%}"),
            ("loss", "1 - CCC, mean over the three dimensions"),
            ("optimiser", f"{recipe['optimizer']}, learning rate {recipe['learning_rate']:g}"),
            ("batch", f"{recipe['batch_size']} utterances"),
            ("epochs", f"{facts.run.get('epochs', recipe['epochs'])}" + (f", the best one: {best}" if best else "")),
            *([("kept step", f"{facts.run['best_step']}")] if "best_step" in facts.run else []),
            ("seed", str(definition["seed"])),
        ]
    if facts.log is not None:
        best_row = facts.log[facts.log["best"]].iloc[0]
        dev_cccs = ", ".join(f"{dimension} {best_row[f'dev_{dimension}']:.3f}" for dimension in DIMENSIONS)
        rows.append(("CCC on the development set", dev_cccs))
    if len(facts.selected_from) > 1:
        rows.append(("chosen for its mean CCC on the development set among", ", ".join(facts.selected_from)))
    return [(what, value.replace("|", "\\|").replace("\n", " ")) for what, value in rows]


def _trained(recipe: Mapping[str, Any]) -> str:
    return "all" if recipe.get("train_stem") else "transformer and head; the convolutional stem was frozen"


def _backbone(definition: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Source and revision of the backbone; for a local folder only its name, since its path is private."""
    described = record if record.get("source") else definition.get("backbone", {})
    source, revision = described.get("source"), described.get("revision")
    if not source:
        return "not stated"
    if source.startswith(("/", ".", "~")):
        source = Path(source).name
    pretrained = "" if definition.get("pretrained", True) else ", its weights replaced by random ones"
    return source + (f" at {revision}" if revision else "") + pretrained


def _licence(facts: CardContent) -> str:
    lines = [f"These weights: {facts.licence}."] if facts.licence else []
    lines.append(f"The backbone: {facts.backbone.get('licence') or 'not stated'}.")
    lines.append(
        f"The training data: {facts.corpus_licence.rstrip('.')}. That can restrict the use of these weights."
        if facts.corpus_licence
        else "The training data has a licence of its own, which can restrict the use of these weights."
    )
    return "\n".join(lines)


def _scores(scores: pd.DataFrame | None) -> str:
    """Markdown of the CCCs with their intervals: one table of all utterances, one by gender."""
    if scores is None:
        return "None are given."
    head = "Concordance correlation coefficients, with bootstrap intervals in brackets.\n\n"
    whole = _grid(scores[scores["group_by"] == "all"], ["corpus", "condition", "samples"])
    by_gender = scores[scores["group_by"].isin(["gender", "fairness"]) & (scores["condition"] == CLEAN)]
    if by_gender.empty:
        return head + whole
    labelled_rows = by_gender.replace({"group": {"female-male": "female minus male"}})
    return head + whole + "\n\n" + _grid(labelled_rows, ["corpus", "group"])


def _formats(formats: NumberFormats) -> str:
    """What the number formats of the study's predictions mean for the outputs of this model."""
    rounded = ", with the output of the convolutional stem rounded to bfloat16" if formats.rounded_stem else ""
    return f"""\
The study computes predictions with matrix products in {formats.products}{rounded}. This model computes in float32:
on three signals of noise, its outputs differ from those of the study by up to about {formats.difference:.2g}."""


def _grid(rows: pd.DataFrame, keys: list[str]) -> str:
    """A Markdown table with a row for each combination of keys and a column for each dimension."""
    shown = [dimension for dimension in DIMENSIONS if dimension in set(rows["dimension"])]
    lines = ["| " + " | ".join([*keys, *shown]) + " |", "|" + "---|" * (len(keys) + len(shown))]
    for values, part in rows.groupby(keys, sort=False):
        cells = {row.dimension: f"{row.ccc:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in part.itertuples()}
        lines.append("| " + " | ".join([*map(str, values), *(cells.get(each, "") for each in shown)]) + " |")
    return "\n".join(lines)
