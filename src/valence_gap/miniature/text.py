"""The sentences of the miniature: only their sentiment words show their sentiment."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, TypeVar

from valence_gap.miniature.lexicon import EXCLUSIVE, Sentiments, data, sentiment_words, valence
from valence_gap.miniature.rates import Sentences, choose, frames_of
from valence_gap.runtime.errors import UserError, valid_names

ENGLISH = "en"

T = TypeVar("T")

_CANDIDATES = 8
_MOOD_GAIN = 3.0  # the mood of a sentence is this much more extreme than its target: words cancel each other
_SLOT = re.compile(r"\{([a-z]+)\}")
_TRIES = 8  # draws of a sentiment word that the sentence does not have yet
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


def sentences(corpus: str, split: str, count: int, *, seed: int, real_rates: bool = False) -> tuple[Sentence, ...]:
    """Return sentences of one split; a longer list starts with the shorter one.

    Their target valences are bell-shaped in MSP-Podcast, broader in IEMOCAP and polarised in CMU-MOSI. A hash of its
    words decides the split of a sentence, so that no sentence is in two splits, for all counts and seeds.

    Args:
        corpus: ``msp-podcast``, ``iemocap`` or ``cmu-mosi``.
        split: ``train``, ``dev`` or ``test``.
        count: number of sentences, all of them different.
        seed: seed of the miniature.
        real_rates: sentiment words occur at the rates of real sentences, as :mod:`valence_gap.miniature.rates`
            explains, and valence is what they give; there are no target valences.

    Raises:
        UserError: there is no such corpus or split.
    """
    splits = [name for name, _ in _SPLIT_SHARES if name != _UNLABELLED]
    if corpus not in _TARGETS or split not in splits:
        raise UserError(
            "the miniature has no such sentences", [f"{corpus}/{split}"], remedy=valid_names([*_TARGETS, *splits])
        )
    stream = _at_real_rates if real_rates else _sentences
    return tuple(islice(stream(corpus, split, random.Random(f"{seed}/{corpus}/{split}")), count))


def unlabelled(language: str, count: int, *, seed: int, real_rates: bool = False) -> tuple[str, ...]:
    """Return the first ``count`` of the ``sentence_stream`` sentences of a language."""
    return tuple(islice(sentence_stream(language, seed=seed, real_rates=real_rates), count))


def sentence_stream(language: str, *, seed: int, real_rates: bool = False) -> Iterator[str]:
    """Return an endless stream of sentences for pre-training, without labels.

    In English they use the whole lexicon, the frames of all corpora and some frames of their own: a pre-trained model
    knows the language, but none of the corpora's sentences and speakers. In other languages they are plain statements
    with a number, which espeak-ng reads in that language.

    Args:
        language: ``en``, or one of the other languages.
        seed: seed of the speech.
        real_rates: English sentiment words occur at the rates of real sentences, as
            :mod:`valence_gap.miniature.rates` explains.

    Raises:
        UserError: there are no sentences in this language.
    """
    rng = random.Random(f"{seed}/unlabelled/{language}")
    if language == ENGLISH and real_rates:
        drawn = Sentences([frames_of(name) for name in (_UNLABELLED, *EXCLUSIVE)], None)
        texts = (finished(drawn.draw(rng)) for _ in repeat(None))
        return (text for text in texts if _split_of(text) == _UNLABELLED)
    if language == ENGLISH:
        fills = [_filler(frames, None) for frames in (_UNLABELLED, *EXCLUSIVE)]
        texts = (finished(choose(fills, rng)(_mood(rng.random()), rng)) for _ in repeat(None))
        return (text for text in texts if _split_of(text) == _UNLABELLED)
    lists = data("languages.json")
    if language not in lists:
        raise UserError(
            "the miniature has no sentences in this language", [language], remedy=valid_names([ENGLISH, *lists])
        )
    return (_foreign(lists[language], rng) for _ in repeat(None))


def _sentences(corpus: str, split: str, rng: random.Random) -> Iterator[Sentence]:
    fill = _filler(corpus, corpus)
    seen: set[str] = set()
    while True:
        target = _TARGETS[corpus](rng)
        texts = (finished(fill(_mood(target), rng)) for _ in repeat(None))
        fitting = (text for text in texts if _split_of(text) == split and text not in seen)
        candidates = [Sentence(text, valence(text)) for text in islice(fitting, _CANDIDATES)]
        best = min(candidates, key=lambda sentence: abs(sentence.valence - target))
        seen.add(best.text)
        yield best


def _at_real_rates(corpus: str, split: str, rng: random.Random) -> Iterator[Sentence]:
    drawn = Sentences([frames_of(corpus)], corpus)
    seen: set[str] = set()
    for text in (finished(drawn.draw(rng)) for _ in repeat(None)):
        if text not in seen and _split_of(text) == split:
            seen.add(text)
            yield Sentence(text, valence(text))


def _filler(frames: str, corpus: str | None) -> Callable[[float, random.Random], str]:
    """Return a function of a mood that fills a random frame with the words of a corpus or all of them."""
    everything = data("frames.json")
    own = everything[frames]
    return filler(own["frames"], everything["common"] | own["slots"], sentiment_words(corpus), tries=_TRIES)


def filler(
    frames: Sequence[str], plain: Mapping[str, Sequence[str]], rated: Mapping[str, Sentiments], *, tries: int = 1
) -> Callable[[float, random.Random], str]:
    """Return a function of a mood that fills a random frame.

    Args:
        frames: sentences with slots, such as ``{adjective}``.
        plain: words for slots, of which each is equally likely.
        rated: sentiment words for slots, which are drawn by the mood.
        tries: draws of a sentiment word that the sentence does not have yet; after the last one it is repeated.
    """

    def fill(mood: float, rng: random.Random) -> str:
        used: set[str] = set()

        def word(slot: "re.Match[str]") -> str:
            name = slot[1]
            for _ in range(tries if name in rated else 1):
                found = rated[name].sample(mood, rng) if name in rated else choose(plain[name], rng)
                if found not in used:
                    break
            used.add(found)
            return found

        return _SLOT.sub(word, choose(frames, rng))

    return fill


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


def _mood(target: float) -> float:
    return min(max(0.5 + _MOOD_GAIN * (target - 0.5), 0.03), 0.97)


def _bell(mean: float, deviation: float) -> Callable[[random.Random], float]:
    return lambda rng: min(max(rng.normalvariate(mean, deviation), 0.02), 0.98)


def _polarised(rng: random.Random) -> float:
    side = 1 if rng.random() < 0.55 else -1
    return min(max(0.5 + side * rng.normalvariate(0.32, 0.1), 0.02), 0.98)


_TARGETS: Mapping[str, Callable[[random.Random], float]] = {
    "msp-podcast": _bell(0.5, 0.2),
    "iemocap": _bell(0.46, 0.28),
    "cmu-mosi": _polarised,
}
