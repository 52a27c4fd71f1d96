"""What the page of a study (``results/<study>/index.html``) says of the study beside its results."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.figures import ModelKind
from valence_gap.definitions.values import DIMENSIONS, STRICT, Dimension, Positive, is_empty

PageKind = Literal[ModelKind, "fusion with text", "finished model"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PageModel:
    """A model of the study.

    Attributes:
        label: its name in figures.
        kind: how it was trained; a finished model was not trained by the study.
        backbone: its pre-trained model or architecture, or where a finished model comes from.
        seeds: of its trainings.
        layers: transformer layers that were kept; None: all.
        fraction: of the training set.
        audio: the audio model that a fusion with text is based on; '' for other models.
    """

    name: str
    label: str
    kind: PageKind
    backbone: str = ""
    seeds: tuple[int, ...]
    layers: int | None = None
    fraction: float = 1.0
    audio: str = ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PageCorpus:
    """A corpus of the study.

    Attributes:
        label: its name in figures.
        synthetic: whether it is one of the miniature's, spoken by a speech synthesiser.
        rows: whether the page may show its utterances one by one, with their transcripts.
        audio: whether the page may contain its audio.
        licence: of the corpus, if the configuration states it.
    """

    name: str
    label: str
    dimensions: tuple[Dimension, ...] = DIMENSIONS
    release: str | None = None
    synthetic: bool = False
    rows: bool = False
    audio: bool = False
    licence: str | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ShownOnPage:
    """What a figure or table shows: the names of its models and corpora."""

    models: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PageDescription:
    """A study as its page describes it.

    Attributes:
        study: its name.
        note: text on its figures, such as 'miniature'.
        targets: its figures, tables and claims, in order, with what they show.
        train_corpus: name of the corpus that models are trained on; None: nothing is trained.
        confidence: of the intervals.
        conditions: labels of the conditions by name.
        augmented_utterances: by corpus how many utterances of the test set these are applied to, where not to all.
        backbones: names of the pre-trained models that its models need.
        best: the model that takes the place of the paper's best one in the statements; '' if they are not evaluated, or
            none does.
    """

    study: str
    note: str = ""
    targets: Mapping[str, ShownOnPage]
    train_corpus: str | None = None
    models: tuple[PageModel, ...]
    corpora: tuple[PageCorpus, ...]
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    conditions: Mapping[str, str] = Field(default_factory=dict)
    augmented_utterances: Annotated[Mapping[str, Positive], Field(exclude_if=is_empty)] = Field(default_factory=dict)
    backbones: tuple[str, ...] = ()
    best: str = ""

    def is_synthetic(self) -> bool:
        """Whether all speech of the study is that of a synthesiser, so that no number is about human speech."""
        return bool(self.corpora) and all(corpus.synthetic for corpus in self.corpora)

    def model_label(self, name: str) -> str:
        """The label of a model; its name if the label alone says little or the study does not define the model."""
        labels = {model.name: model.label for model in self.models}
        label = labels.get(name, name)
        return name if [*labels.values()].count(label) > 1 or len(label) < 3 else label

    def corpus_label(self, name: str) -> str:
        """The label of a corpus; its name if the study does not define it."""
        return {corpus.name: corpus.label or name for corpus in self.corpora}.get(name, name)
