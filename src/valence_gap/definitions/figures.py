"""What a figure shows (its description) and the files that it is drawn from (its inputs)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as checked_dataclass

from valence_gap.definitions.colours import Colour
from valence_gap.definitions.evaluation import Evaluation, Projection
from valence_gap.definitions.values import DIMENSIONS, STRICT, Dimension, Positive
from valence_gap.runtime.errors import UserError

ModelKind = Literal["fine-tuned", "frozen", "random initialisation", "CNN14"]
Kind = Literal[ModelKind, "fusion"]
"""Kinds of models: the variance between training seeds is pooled over the models of a kind."""


@checked_dataclass(frozen=True, kw_only=True, config=STRICT)
class ShownModel:
    """A model as figures show it; the fields after the kind distinguish the variants of one backbone.

    ``audio`` is the name of the audio-only model that a fusion with text is based on; it is empty for other models.
    """

    name: str
    label: str
    colour: Colour
    kind: Kind = "fine-tuned"
    backbone: str = ""
    frozen: bool = False
    layers: Positive | None = None
    fraction: float = 1.0
    audio: str = ""


@checked_dataclass(frozen=True, kw_only=True, config=STRICT)
class ShownCorpus:
    """A corpus as figures show it; ``miniature``: it is one of the miniature's, whose speech is synthetic."""

    name: str
    label: str
    dimensions: tuple[Dimension, ...] = DIMENSIONS
    miniature: bool = False

    def is_sentiment(self) -> bool:
        """Whether its only dimension is valence: such a corpus is annotated for sentiment."""
        return self.dimensions == ("valence",)

    def title(self, dimension: str) -> str:
        """Name of a dimension of this corpus."""
        return "Sentiment" if self.is_sentiment() else dimension.capitalize()


@checked_dataclass(frozen=True, kw_only=True, config=STRICT)
class Description:
    """What a figure shows, in order.

    Attributes:
        models: rows, colours or steps of the figure.
        corpora: panels or lines of the figure.
        transcribed: further corpora, for which figure 3 shows the word error rate.
        note: text in small print on the figure, such as that it belongs to the miniature study.
        published: whether the published values are drawn.
        evaluation: how intervals are computed.
        projection: figure 10: how its points were drawn and projected.
    """

    models: Annotated[tuple[ShownModel, ...], Field(min_length=1)]
    corpora: Annotated[tuple[ShownCorpus, ...], Field(min_length=1)]
    transcribed: tuple[ShownCorpus, ...] = ()
    note: str = ""
    published: bool = False
    evaluation: Evaluation = Evaluation()
    projection: Projection = Projection()

    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that some corpus shows, in the order of the paper."""
        return tuple(name for name in DIMENSIONS if any(name in corpus.dimensions for corpus in self.corpora))

    def kinds(self) -> dict[str, str]:
        """The kind of each model by its name."""
        return {model.name: model.kind for model in self.models}

    def corpus_labels(self) -> str:
        """The corpora in words: 'MSP-Podcast, IEMOCAP and MOSI'."""
        return in_words([corpus.label for corpus in self.corpora])

    def plural(self) -> str:
        """The s of 'test sets' where there are several corpora."""
        return "s" if len(self.corpora) > 1 else ""

    def interval_label(self) -> str:
        """The label of the whiskers."""
        return f"{100 * self.evaluation.confidence:g}\N{NO-BREAK SPACE}% interval"


def in_words(names: Sequence[str]) -> str:
    """Names as in a sentence: 'one', 'one and two', 'one, two and three'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@dataclass(frozen=True)
class Run:
    """One training of a model, and a corpus if needed: the key of a file that does not contain this information."""

    model: str
    seed: int
    corpus: str = ""


@dataclass(frozen=True)
class Inputs:
    """The files that a figure is drawn from; each figure needs some of them.

    Attributes:
        scores: score tables.
        predictions: Parquet files by run; a run may have several (sets of conditions).
        labels: label tables by corpus.
        training_logs: training.csv by run.
        configs: config.json by model.
        transcriptions: report.json of the recogniser's transcripts by corpus.
        utterances: utterance tables by corpus.
        pack_indexes: index of the clean pack by corpus, for corpora whose bad audio is skipped.
        augmented_utterances: by corpus how many utterances of the test set are augmented, where that is not all.
        projection: embeddings in two dimensions (Parquet).
        separation: how well they separate attributes (CSV).
    """

    scores: tuple[Path, ...] = ()
    predictions: tuple[tuple[Run, Path], ...] = ()
    labels: Mapping[str, Path] = field(default_factory=dict)
    training_logs: tuple[tuple[Run, Path], ...] = ()
    configs: Mapping[str, Path] = field(default_factory=dict)
    transcriptions: Mapping[str, Path] = field(default_factory=dict)
    utterances: Mapping[str, Path] = field(default_factory=dict)
    pack_indexes: Mapping[str, Path] = field(default_factory=dict)
    augmented_utterances: Mapping[str, int] = field(default_factory=dict)
    projection: Path | None = None
    separation: Path | None = None


def keyed_files(texts: Iterable[str], option: str) -> tuple[tuple[str, Path], ...]:
    """Split ``key=path`` arguments of an option.

    Raises:
        UserError: some arguments do not have this form.
    """
    pairs = [text.partition("=") for text in texts]
    wrong = ["".join(pair) for pair in pairs if not all(pair)]
    if wrong:
        raise UserError(f"{option} takes KEY=FILE", wrong)
    return tuple((key, Path(path)) for key, _, path in pairs)


def runs_of(texts: Iterable[str], option: str, *, parts: int) -> tuple[tuple[Run, Path], ...]:
    """Split ``model:seed=path`` (two parts) or ``model:seed:corpus=path`` (three parts) arguments of an option.

    Raises:
        UserError: some arguments do not have this form.
    """
    pairs = [(key.split(":"), path) for key, path in keyed_files(texts, option)]
    wrong = [":".join(key) for key, _ in pairs if len(key) != parts or not key[1].lstrip("-").isdecimal()]
    if wrong:
        raise UserError(f"{option} takes MODEL:SEED{':CORPUS' * (parts - 2)}=FILE", wrong)
    return tuple((Run(key[0], int(key[1]), *key[2:]), path) for key, path in pairs)
