"""How often sentiment words, negations and contrasts occur in real sentences, and in those of the miniature.

    python benchmarks/text_rates.py [--real FOLDER]

The rates of :mod:`valence_gap.miniature.rates` follow from the first four columns. They were counted in the human-rated
sentences of VADER's source distribution (MIT licence). To get them, run
`pip download --no-binary :all: --no-deps vaderSentiment==3.3.2`, unpack it and the archive
`additional_resources/hutto_ICWSM_2014.tar.gz` in it, and name the folder with --real.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from valence_gap.miniature.lexicon import CORPORA, ratings
from valence_gap.miniature.text import sentences

REAL = {
    "film reviews": "movieReviewSnippets",
    "product reviews": "amazonReviewSnippets",
    "newspaper": "nytEditorialSnippets",
    "tweets": "tweets",
}
NEGATIONS = {"not", "never", "hardly", "no", "nothing", "nobody", "cannot", "without"}
BOOSTERS = {"really", "very", "so", "extremely", "totally", "absolutely", "completely", "quite", "too", "incredibly"}
REACH = 3  # words after a negation that it reverses, as in VADER
STRONG, SHORT = 1.5, 15  # ratings, and words of a sentence, like the miniature's
COUNT = 2400


@dataclass(frozen=True)
class Word:
    """A sentiment word of a sentence: positive after its negation, negated, after a degree adverb."""

    text: str
    positive: bool
    negated: bool
    boosted: bool


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="folder of VADER's human-rated sentences")
    folder = parser.parse_args().real
    columns = {name: _real(folder, file) for name, file in REAL.items()} if folder else {}
    for corpus in CORPORA:
        made = sentences(corpus, "train", COUNT, seed=1)
        columns[f"miniature {corpus}"] = [one.text for one in made]
    print("| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    for label, measure in MEASURES.items():
        print(f"| {label} | " + " | ".join(measure(texts) for texts in columns.values()) + " |")


def _real(folder: Path, name: str) -> list[str]:
    lines = next(folder.rglob(f"{name}_GroundTruth.txt")).read_text(encoding="latin-1").splitlines()
    return [line.split("\t")[-1] for line in lines if line.strip()]


def words_of(text: str) -> list[str]:
    """The words of a sentence, in lower case."""
    return re.findall(r"[a-z]+(?:['-][a-z]+)*", text.lower())


def rated(text: str, *, least: float = 0.0) -> list[Word]:
    """The sentiment words of a sentence whose ratings are at least ``least`` away from 0."""
    words, found = words_of(text), []
    for place, word in enumerate(words):
        if word in ratings() and word not in BOOSTERS | NEGATIONS and abs(ratings()[word]) >= least:
            before = words[max(0, place - REACH) : place]
            negated = any(each in NEGATIONS or each.endswith("n't") for each in before)
            boosted = place > 0 and words[place - 1] in BOOSTERS
            found.append(Word(word, (ratings()[word] > 0) != negated, negated, boosted))
    return found


def _share(values: Iterable[bool]) -> str:
    found = list(values)
    return f"{np.mean(found):.3f}".lstrip("0") if found else "-"


def _short(texts: Sequence[str]) -> list[list[Word]]:
    return [rated(text, least=STRONG) for text in texts if len(words_of(text)) <= SHORT]


def _counts(texts: Sequence[str]) -> str:
    numbers = [min(3, len(rated(text))) for text in texts]
    return " ".join(_share(number == each for number in numbers) for each in range(4))


def _mixed(sets: Iterable[Sequence[Word]]) -> str:
    return _share(len({word.positive for word in each}) > 1 for each in sets if len(each) > 1)


def _top(texts: Sequence[str]) -> str:
    counts = Counter(word.text for each in _short(texts) for word in each).most_common()
    total = sum(count for _, count in counts)
    return " ".join(f"{sum(count for _, count in counts[:top]) / total:.2f}".lstrip("0") for top in (10, 50))


def _all(texts: Sequence[str]) -> list[Word]:
    return [word for text in texts for word in rated(text)]


MEASURES: dict[str, Callable[[Sequence[str]], str]] = {
    "sentences": lambda texts: f"{len(texts):,}",
    "words in a sentence": lambda texts: f"{np.mean([len(words_of(text)) for text in texts]):.1f}",
    "sentiment words in a sentence": lambda texts: f"{len(_all(texts)) / len(texts):.2f}",
    "share of the sentences with 0, 1, 2, more": _counts,
    "negated share of the sentiment words": lambda texts: _share(word.negated for word in _all(texts)),
    "share after a degree adverb": lambda texts: _share(word.boosted for word in _all(texts)),
    "share of the sentences with a but": lambda texts: _share("but" in words_of(text) for text in texts),
    "both polarities among sentences with two or more": lambda texts: _mixed(rated(text) for text in texts),
    "the same, strong words, short sentences": lambda texts: _mixed(_short(texts)),
    "neighbours of one polarity, strong and short": lambda texts: _share(
        one.positive == other.positive for each in _short(texts) for one, other in pairwise(each)
    ),
    "different sentiment words": lambda texts: f"{len({word.text for word in _all(texts)}):,}",
    "share of the ten and fifty commonest, strong and short": _top,
}

if __name__ == "__main__":
    main()
