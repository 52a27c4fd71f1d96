"""How the split names of a corpus are mapped to train, dev and test."""

import re
from collections.abc import Iterator

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS, as_tuple
from valence_gap.runtime.errors import UserError

ALL = "all"
SPLITS_REMEDY = "Map each of the corpus' splits to one of ours."


def normalise_split_name(split: str) -> str:
    """A split's name without case, spaces or hyphens: ``test-1`` equals ``Test1``, ``val`` equals ``dev``."""
    name = re.sub(r"[^a-z0-9]", "", split.lower())
    return {"validation": "development", "valid": "development", "val": "development", "dev": "development"}.get(
        name, name
    )


def split_mapping(corpus: Corpus) -> dict[str, str]:
    """The corpus' own split names, normalised, and our split for each of them.

    Raises:
        UserError: a name is mapped to two of our splits, or there is another name beside ``all``.
    """
    if wrong := list(split_errors(corpus)):
        raise UserError(f"The splits of {corpus.label} do not say where each utterance belongs.", wrong, SPLITS_REMEDY)
    return {name: ours[0] for name, ours in _mapped(corpus).items()}


def split_errors(corpus: Corpus) -> Iterator[str]:
    """Ambiguities in the splits of a definition, one line each."""
    mapped = _mapped(corpus)
    for name, ours in mapped.items():
        if len(ours) > 1:
            yield f"{name}: {', '.join(ours)}"
    if ALL in mapped and len(mapped) > 1:
        yield f"{ALL} holds every utterance, but there are also {', '.join(sorted(set(mapped) - {ALL}))}"
    if not mapped:
        yield "splits: none"


def _mapped(corpus: Corpus) -> dict[str, list[str]]:
    """Our splits by the corpus' own split names, normalised."""
    mapped: dict[str, list[str]] = {}
    for ours in SPLITS:
        for name in as_tuple(corpus.splits.get(ours, ())):
            mapped.setdefault(normalise_split_name(name), []).append(ours)
    return mapped
