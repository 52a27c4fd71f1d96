"""The words of the miniature and their valence.

The VADER analyser (Hutto and Gilbert, 2014) computes the valence of a sentence from human ratings of its words.
Negations reverse the ratings, degree adverbs strengthen or weaken them, and the part after a "but" counts more.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from math import sqrt
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

CORPORA = ("msp-podcast", "iemocap", "cmu-mosi")
"""The corpora that have sentences; each has a tenth of the sentiment words to itself."""

_VADER_ALPHA = 15.0
_ALPHA = 40.0


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
    return owner >= len(CORPORA) or CORPORA[owner] == corpus


@cache
def _analyser() -> Any:
    return SentimentIntensityAnalyzer()
