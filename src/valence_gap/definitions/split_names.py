"""How a corpus' own split names are mapped to train, dev and test."""

import re
from collections.abc import Iterator

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS
from valence_gap.runtime.errors import UserError

ALL = "all"
SPLITS_REMEDY = "Map each of the corpus' splits to one of ours."


def normalise_split_name(split: str) -> str:
    """A split's name without case, spaces or hyphens: ``test-1`` and ``Test1`` are one; so are its usual synonyms."""
    name = re.sub(r"[^a-z0-9]", "", split.lower())
    return {"validation": "development", "valid": "development", "val": "development", "dev": "development"}.get(
        name, name
    )


def as_tuple(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """The corpus' split names that one of ours is mapped to."""
    return (names,) if isinstance(names, str) else names


def split_mapping(corpus: Corpus) -> dict[str, str]:
    """The corpus' own split names, plain, and our split that each is mapped to.

    Raises:
        UserError: if one is mapped to two of our splits, or ``all`` is joined by another.
    """
    if wrong := list(split_errors(corpus)):
        raise UserError(f"The splits of {corpus.label} do not say where each utterance belongs.", wrong, SPLITS_REMEDY)
    return {name: ours[0] for name, ours in _mapped(corpus).items()}


def split_errors(corpus: Corpus) -> Iterator[str]:
    """What is ambiguous in the splits of a definition, one line each."""
    mapped = _mapped(corpus)
    for name, ours in mapped.items():
        if len(ours) > 1:
            yield f"{name}: {', '.join(ours)}"
    if ALL in mapped and len(mapped) > 1:
        yield f"{ALL} holds every utterance, and beside it there are {', '.join(sorted(set(mapped) - {ALL}))}"
    if not mapped:
        yield "splits: none"


def _mapped(corpus: Corpus) -> dict[str, list[str]]:
    """Our splits by the corpus' own, plain, each of ours once."""
    mapped: dict[str, list[str]] = {}
    for ours in SPLITS:
        for name in as_tuple(corpus.splits.get(ours, ())):
            mapped.setdefault(normalise_split_name(name), []).append(ours)
    return mapped
