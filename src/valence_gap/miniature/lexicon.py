"""The words of the miniature and their valence.

The VADER analyser (Hutto and Gilbert, 2014) computes the valence of a sentence from human ratings of its words.
Negations reverse the ratings, degree adverbs strengthen or weaken them, and the part after a "but" counts more. The
word lists are sorted from common to rare, and common words are drawn more often.
"""

import hashlib
import json
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate
from math import sqrt
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

EXCLUSIVE = ("msp-podcast", "iemocap", "cmu-mosi")
"""Each of these has a tenth of the sentiment words to itself."""

_VADER_ALPHA = 15.0
_ALPHA = 40.0
# Word r of a list is drawn in proportion to r ** -exponent (Zipf's law). The labelled corpora are small, so that their
# law is steeper: the common words occur often enough to be learnt, and most words are still rare.
_EXPONENT = 2.0
_UNLABELLED_EXPONENT = 1.2


@cache
def data(name: str) -> Any:
    """Return the content of one of the package's word lists."""
    return json.loads((files("valence_gap.miniature") / "data" / name).read_text(encoding="utf-8"))


@cache
def ratings() -> Mapping[str, float]:
    """Return VADER's mean human rating, -4..4, of each word that it knows."""
    lexicon: Mapping[str, float] = _analyser().lexicon
    return lexicon


def valence(text: str) -> float:
    """Compute the valence of a text in 0..1; .5 is neutral.

    VADER sums the ratings of the words and compresses the sum s to s / sqrt(s^2 + 15), so that two positive words
    already come close to the maximum. Here 40 replaces 15, which leaves room for more degrees.
    """
    compound: float = _analyser().polarity_scores(text)["compound"]
    total = compound * sqrt(_VADER_ALPHA / (1 - compound**2))
    return 0.5 + 0.5 * total / sqrt(total**2 + _ALPHA)


def allowed(word: str, corpus: str | None) -> bool:
    """Return whether a sentiment word occurs in a corpus; all do where the corpus is ``None``."""
    if corpus is None:
        return True
    owner = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8]) % 10
    return owner >= len(EXCLUSIVE) or EXCLUSIVE[owner] == corpus


class Sentiments:
    """Sentiment words of one kind in one corpus, drawn by polarity.

    Args:
        words: the words, from common to rare.
        corpus: the corpus, or ``None`` for all.
        exponent: of Zipf's law; None: that of the labelled corpora, or of the unlabelled sentences.
    """

    def __init__(self, words: Sequence[str], corpus: str | None, exponent: float | None = None) -> None:
        mine = [word for word in words if allowed(word, corpus)]
        if exponent is None:
            exponent = _UNLABELLED_EXPONENT if corpus is None else _EXPONENT
        self._sides = tuple(
            _Weighted([word for word in mine if (ratings()[word] > 0) == side], exponent) for side in (False, True)
        )

    def sample(self, mood: float, rng: random.Random) -> str:
        """Draw a word that is positive with a probability of ``mood``."""
        return self.draw(rng.random() < mood, rng)

    def draw(self, positive: bool, rng: random.Random) -> str:
        """Draw a word of one side."""
        return self._sides[positive].sample(rng)


class _Weighted:
    def __init__(self, words: Sequence[str], exponent: float) -> None:
        self._words = words
        self._totals = list(accumulate(rank**-exponent for rank in range(1, len(words) + 1)))

    def sample(self, rng: random.Random) -> str:
        return self._words[bisect_right(self._totals, rng.random() * self._totals[-1])]


@cache
def sentiment_words(corpus: str | None) -> Mapping[str, Sentiments]:
    """Return the sentiment words of a corpus by their kind, which is the name of their slot in the frames."""
    return {kind: Sentiments(words, corpus) for kind, words in data("sentiment.json").items()}


@cache
def _analyser() -> Any:
    return SentimentIntensityAnalyzer()
