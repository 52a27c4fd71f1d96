"""Sentences whose sentiment words occur at the rates of real sentences.

The rates were counted in the human-rated sentences of VADER's source distribution (film and product reviews, newspaper
and tweets; Hutto and Gilbert, 2014); docs/miniature.md has the table. A sentence has a polarity, and most of its
sentiment words agree with it, after their negation. Nothing is chosen by the valence of the finished sentence.
"""

import random
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TypeVar

from valence_gap.miniature.lexicon import allowed, data, ratings

T = TypeVar("T")

NEGATIONS = ("not", "never", "hardly")
BOOSTERS = ("really", "very", "so")
COPULAS = ("was", "were", "is", "are", "am")
NEGATION_REACH = 3  # words after a negation that VADER's rule reverses

_SLOT = re.compile(r"(\{[a-z]+\})")
_TRIES = 8  # draws of a sentiment word that the sentence does not have yet


@dataclass(frozen=True)
class Rates:
    """Probabilities of the draws.

    Attributes:
        rated: a slot of a sentiment word holds one; else it holds a neutral word.
        coherent: a sentiment word, after its negation, has the polarity of the sentence.
        negated: a copula is followed by a negation.
        boosted: a copula is followed by a degree adverb.
        there_negated: "there is" is negated.
        contrast: an "and" between two clauses is a "but".
        turned: the polarity of the sentence turns at a "but".
        exponent: word r of a list is drawn in proportion to r ** -exponent (Zipf's law).
    """

    rated: float = 0.78
    coherent: float = 0.90
    negated: float = 0.10
    boosted: float = 0.07
    there_negated: float = 0.20
    contrast: float = 0.11
    turned: float = 0.5
    exponent: float = 1.2


REAL = Rates()


class Sentiments:
    """Sentiment words of one kind in one corpus, drawn by polarity.

    Args:
        words: the words, from common to rare.
        corpus: the corpus, or ``None`` for all.
        exponent: of Zipf's law.
    """

    def __init__(self, words: Sequence[str], corpus: str | None, exponent: float) -> None:
        mine = [word for word in words if allowed(word, corpus)]
        self._sides = tuple(
            _Weighted([word for word in mine if (ratings()[word] > 0) == side], exponent) for side in (False, True)
        )

    def draw(self, positive: bool, rng: random.Random) -> str:
        """Draw a word of one side."""
        return self._sides[positive].draw(rng)


class _Weighted:
    def __init__(self, words: Sequence[str], exponent: float) -> None:
        self._words = words
        self._totals = list(accumulate(rank**-exponent for rank in range(1, len(words) + 1)))

    def draw(self, rng: random.Random) -> str:
        return self._words[bisect_right(self._totals, rng.random() * self._totals[-1])]


@cache
def sentiment_words(corpus: str | None, exponent: float) -> Mapping[str, Sentiments]:
    """Return the sentiment words of a corpus by their kind, which is the name of their slot in the frames."""
    return {kind: Sentiments(words, corpus, exponent) for kind, words in data("sentiment.json").items()}


@dataclass(frozen=True)
class Frames:
    """Sentences with slots, such as ``{quality}``.

    Attributes:
        texts: the sentences.
        plain: words for the slots that are neither sentiment words nor at given rates; each is equally likely.
    """

    texts: Sequence[str]
    plain: Mapping[str, Sequence[str]]


@cache
def frames_of(corpus: str) -> Frames:
    """Return the frames of a corpus, or of the unlabelled speech."""
    everything = data("frames.json")
    return Frames(everything[corpus]["frames"], everything["common"] | everything[corpus]["slots"])


class Sentences:
    """Fills frames with words at given rates.

    Args:
        sets: sets of frames, of which each is equally likely.
        corpus: corpus whose sentiment words are used; None: all.
        rates: the probabilities.
    """

    def __init__(self, sets: Sequence[Frames], corpus: str | None, rates: Rates = REAL) -> None:
        self._sets, self._rates = sets, rates
        self._words, self._neutral = sentiment_words(corpus, rates.exponent), data("neutral.json")

    def draw(self, rng: random.Random) -> str:
        """Draw a sentence, without its capital letter and full stop."""
        frames = choose(self._sets, rng)
        filling = _Filling(self._words, self._neutral, frames.plain, self._rates, rng)
        return "".join(filling.part(part) for part in _SLOT.split(choose(frames.texts, rng)))


class _Filling:
    """The draws of one sentence: its polarity, and how far back the last negation is."""

    def __init__(
        self,
        words: Mapping[str, Sentiments],
        neutral: Mapping[str, Sequence[str]],
        plain: Mapping[str, Sequence[str]],
        rates: Rates,
        rng: random.Random,
    ) -> None:
        self._words, self._neutral, self._plain, self._rates, self._rng = words, neutral, plain, rates, rng
        self._positive = rng.random() < 0.5
        self._since_negation = NEGATION_REACH
        self._used: set[str] = set()

    def part(self, part: str) -> str:
        """Return a part of a frame: a text as it is, or what fills a slot."""
        chosen = self._fill(part[1:-1]) if part.startswith("{") else part
        for word in chosen.split():
            self._since_negation = 0 if word.strip(",") in NEGATIONS else self._since_negation + 1
        return chosen

    def _fill(self, slot: str) -> str:
        if slot in COPULAS:
            return self._copula(slot)
        if slot == "there":
            return self._there()
        if slot == "and":
            return self._conjunction()
        if slot not in self._words:
            return choose(self._plain[slot], self._rng)
        if self._rng.random() >= self._rates.rated:
            return choose(self._neutral[slot], self._rng)
        return self._sentiment(slot)

    def _copula(self, verb: str) -> str:
        draw = self._rng.random()
        if draw < self._rates.negated:
            return f"{verb} {choose(NEGATIONS, self._rng)}"
        if draw < self._rates.negated + self._rates.boosted:
            return f"{verb} {choose(BOOSTERS, self._rng)}"
        return verb

    def _there(self) -> str:
        if self._rng.random() < self._rates.there_negated:
            return choose(("there is hardly", "there is never"), self._rng)
        return choose(("there is", "there is", "there is only"), self._rng)

    def _conjunction(self) -> str:
        if self._rng.random() >= self._rates.contrast:
            return "and"
        if self._rng.random() < self._rates.turned:
            self._positive = not self._positive
        return "but"

    def _sentiment(self, kind: str) -> str:
        wanted = self._positive if self._rng.random() < self._rates.coherent else not self._positive
        side = wanted != (self._since_negation < NEGATION_REACH)
        for _ in range(_TRIES):
            found = self._words[kind].draw(side, self._rng)
            if found not in self._used:
                break
        self._used.add(found)
        return found


def choose(choices: Sequence[T], rng: random.Random) -> T:
    """Return one of the choices; each is equally likely, and the same with every version of Python."""
    return choices[int(rng.random() * len(choices))]
