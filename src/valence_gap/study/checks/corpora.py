"""Checks of the definitions and paths of the corpora, made before any corpus is read."""

from collections import Counter
from collections.abc import Iterator, Mapping

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.split_names import SPLITS_REMEDY, split_errors
from valence_gap.definitions.values import DIMENSIONS, Dimension
from valence_gap.runtime.errors import valid_names
from valence_gap.study.configuration import Configuration

MSP_PODCAST_RELEASES = (*(f"1.{number}" for number in range(13)), "2.0")
WITH_COLUMNS = ("audformat", "table")
ANNOTATED: Mapping[str, tuple[Dimension, ...]] = {"cmu-mosi": ("valence",)}
"""Dimensions that a corpus can have, by its adapter; other adapters can have all of them."""
TRAINED = ("train", "dev")


def corpus_errors(configuration: Configuration) -> Iterator[str]:
    """Errors that prevent reading a corpus or training on it: the key, the value, and what would be valid."""
    for name, corpus in configuration.corpora.items():
        for check in (_release, _scale, _dimensions, _splits, _columns):
            yield from check(f"corpora.{name}", corpus)
    yield from _train_corpus(configuration)
    for name in configuration.paths:
        if name not in configuration.corpora:
            yield f"paths.{name}: '{name}' is not a corpus; {valid_names(configuration.corpora)}"


def _release(key: str, corpus: Corpus) -> Iterator[str]:
    if corpus.adapter == "msp-podcast" and corpus.release not in (None, *MSP_PODCAST_RELEASES):
        yield (
            f"{key}.release: '{corpus.release}' is not a known release of MSP-Podcast; "
            f"valid: {', '.join(MSP_PODCAST_RELEASES)}; null for another release, which is then read in the same way"
        )


def _scale(key: str, corpus: Corpus) -> Iterator[str]:
    for dimension, (low, high) in (corpus.scale or {}).items():
        if low >= high:
            yield f"{key}.scale.{dimension}: [{low}, {high}]; valid: the lowest label, then the highest"


def _dimensions(key: str, corpus: Corpus) -> Iterator[str]:
    annotated = ANNOTATED.get(corpus.adapter, DIMENSIONS)
    valid = valid_names(annotated)
    if not corpus.dimensions:
        yield f"{key}.dimensions: [] names no dimension; {valid}"
    for name, count in Counter(corpus.dimensions).items():
        if name not in annotated:
            yield f"{key}.dimensions: '{name}' is not annotated in {corpus.adapter}; {valid}"
        elif count > 1:
            yield f"{key}.dimensions: '{name}' is named {count} times; valid: once"


def _splits(key: str, corpus: Corpus) -> Iterator[str]:
    for wrong in split_errors(corpus):
        yield f"{key}.splits: {wrong}. {SPLITS_REMEDY}"


def _columns(key: str, corpus: Corpus) -> Iterator[str]:
    if corpus.columns is not None and corpus.adapter not in WITH_COLUMNS:
        yield f"{key}.columns: {corpus.adapter} has fixed columns; valid only with {' or '.join(WITH_COLUMNS)}"


def _train_corpus(configuration: Configuration) -> Iterator[str]:
    """Models learn all three dimensions, and their best epoch is selected on dev."""
    name, corpora = configuration.train_corpus, configuration.corpora
    train = corpora.get(name or "")
    if train is None:
        return
    for split in TRAINED:
        if split not in train.splits:
            yield f"corpora.{name}.splits: no '{split}', but models are trained on it"
    if train.dimensions and set(train.dimensions) != set(DIMENSIONS):
        able = [
            other
            for other, corpus in corpora.items()
            if set(corpus.dimensions) == set(DIMENSIONS) and set(TRAINED) <= set(corpus.splits)
        ]
        yield (
            f"train_corpus: '{name}' annotates only {', '.join(train.dimensions)}, but models learn all of "
            f"{', '.join(DIMENSIONS)}: training without one of them is not supported; use this corpus for testing only "
            f"(splits: test), and train on another or evaluate a finished model (checkpoint); {valid_names(able)}"
        )
