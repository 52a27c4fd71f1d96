"""The sentences of the miniature: only their sentiment words show their sentiment."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

from valence_gap.miniature.lexicon import CORPORA, data, valence
from valence_gap.miniature.rates import Sentences, choose, frames_of
from valence_gap.runtime.errors import UserError, valid_names

ENGLISH = "en"

_UNLABELLED = "unlabelled"
_SPLIT_SHARES = (("train", 6), ("dev", 2), ("test", 2), (_UNLABELLED, 10))


@dataclass(frozen=True)
class Sentence:
    """A sentence to speak.

    Attributes:
        text: the words, as they are transcribed.
        valence: valence of the words in 0..1; it depends only on ``text``.
    """

    text: str
    valence: float


def sentences(corpus: str, split: str, count: int, *, seed: int) -> tuple[Sentence, ...]:
    """Return sentences of one split; a longer list starts with the shorter one.

    Their words are drawn at the rates of :mod:`valence_gap.miniature.rates`, and valence is what they give. A hash of
    its words decides the split of a sentence, so that no sentence is in two splits, for all counts and seeds.

    Args:
        corpus: ``msp-podcast``, ``iemocap`` or ``cmu-mosi``.
        split: ``train``, ``dev`` or ``test``.
        count: number of sentences, all of them different.
        seed: seed of the miniature.

    Raises:
        UserError: there is no such corpus or split.
    """
    splits = [name for name, _ in _SPLIT_SHARES if name != _UNLABELLED]
    if corpus not in CORPORA or split not in splits:
        raise UserError(
            "the miniature has no such sentences", [f"{corpus}/{split}"], remedy=valid_names([*CORPORA, *splits])
        )
    return tuple(islice(_labelled(corpus, split, random.Random(f"{seed}/{corpus}/{split}")), count))


def unlabelled(language: str, count: int, *, seed: int) -> tuple[str, ...]:
    """Return the first ``count`` of the ``sentence_stream`` sentences of a language."""
    return tuple(islice(sentence_stream(language, seed=seed), count))


def sentence_stream(language: str, *, seed: int) -> Iterator[str]:
    """Return an endless stream of sentences for pre-training, without labels.

    In English they use the whole lexicon, the frames of all corpora and some frames of their own: a pre-trained model
    knows the language, but none of the corpora's sentences and speakers. In other languages they are plain statements
    with a number, which espeak-ng reads in that language.

    Args:
        language: ``en``, or one of the other languages.
        seed: seed of the speech.

    Raises:
        UserError: there are no sentences in this language.
    """
    rng = random.Random(f"{seed}/unlabelled/{language}")
    if language == ENGLISH:
        drawn = Sentences([frames_of(name) for name in (_UNLABELLED, *CORPORA)], None)
        texts = (finished(drawn.draw(rng)) for _ in repeat(None))
        return (text for text in texts if _split_of(text) == _UNLABELLED)
    lists = data("languages.json")
    if language not in lists:
        raise UserError(
            "the miniature has no sentences in this language", [language], remedy=valid_names([ENGLISH, *lists])
        )
    return (_foreign(lists[language], rng) for _ in repeat(None))


def _labelled(corpus: str, split: str, rng: random.Random) -> Iterator[Sentence]:
    drawn = Sentences([frames_of(corpus)], corpus)
    seen: set[str] = set()
    for text in (finished(drawn.draw(rng)) for _ in repeat(None)):
        if text not in seen and _split_of(text) == split:
            seen.add(text)
            yield Sentence(text, valence(text))


def _foreign(lists: Any, rng: random.Random) -> str:
    subjects, verbs, objects, endings = lists
    number = 2 + int(rng.random() ** 2 * 998)
    words = (choose(subjects, rng), choose(verbs, rng), str(number), choose(objects, rng), choose(endings, rng))
    return finished(" ".join(words))


def finished(text: str) -> str:
    """Return a sentence with its capital letter and its full stop."""
    return text[0].upper() + text[1:] + "."


def _split_of(text: str) -> str:
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % sum(part for _, part in _SPLIT_SHARES)
    for split, part in _SPLIT_SHARES:
        if share < part:
            return split
        share -= part
    raise AssertionError("the shares add up")
