"""Correction of recognised words by a lexicon, for recognisers that have one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

LEXICON_FILE = "lexicon.txt"
MAX_RELATIVE_DISTANCE = 0.5  # share of a word's letters that may be wrong; with more, a word is left unchanged
RARITY_PENALTY = 0.03  # letters added to the distance of a word e times as rare; decides between equally near words


class Lexicon:
    """A list of words; a recognised word is corrected to the nearest of them.

    A recogniser that was trained on little speech writes words as they sound ("SPLENDIDLI"). wav2vec2-base-960h needs
    no lexicon.

    Args:
        words: from common to rare.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        self._letters = np.zeros((len(words), max(map(len, words), default=0)), dtype=np.int64)
        for row, word in enumerate(words):
            self._letters[row, : len(word)] = [ord(letter) for letter in word]
        self._lengths = np.array([len(word) for word in words], dtype=np.int64)
        self._rarity = RARITY_PENALTY * np.log(np.arange(1, len(words) + 1))
        self._known = {word: word for word in words}

    @classmethod
    def read(cls, folder: Path) -> "Lexicon | None":
        """The lexicon in a recogniser's folder; None if there is none."""
        path = folder / LEXICON_FILE
        return cls(path.read_text(encoding="utf-8").split()) if path.is_file() else None

    def spell(self, text: str) -> str:
        """Correct each word of a text."""
        return " ".join(self._nearest(word) for word in text.split())

    def _nearest(self, word: str) -> str:
        if word not in self._known:
            distances = self._distances(word)
            near = int(np.argmin(distances + self._rarity))
            fits = distances[near] <= max(1, MAX_RELATIVE_DISTANCE * len(word))
            self._known[word] = self._words[near] if fits else word
        return self._known[word]

    def _distances(self, word: str) -> npt.NDArray[np.int64]:
        """Edit distances of one word to all words of the lexicon at once, (words,)."""
        rows, width = self._letters.shape
        last = np.tile(np.arange(width + 1), (rows, 1))
        for done, letter in enumerate(word, start=1):
            row = np.full_like(last, done)
            wrong = self._letters != ord(letter)
            for column in range(1, width + 1):
                edited = np.minimum(last[:, column], row[:, column - 1]) + 1
                row[:, column] = np.minimum(edited, last[:, column - 1] + wrong[:, column - 1])
            last = row
        return np.asarray(last[np.arange(rows), self._lengths])
