"""Find the audio file that a row means where no file has exactly the row's name.

A name is matched only if exactly one file fits, and no other row names this file exactly. Where none is matched, the
file with the nearest name is shown.
"""

import difflib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from valence_gap.corpora.inventory import AUDIO_SUFFIXES, VIDEO_SUFFIXES

NOT_DECODED_SUFFIXES = VIDEO_SUFFIXES | {".m4a", ".aac", ".wma", ".amr", ".3gp", ".mka", ".ac3", ".ape", ".wv"}
"""Formats of recordings that libsndfile cannot read."""
MEDIA = AUDIO_SUFFIXES | NOT_DECODED_SUFFIXES
SAMPLE_ROWS = 200  # rows from which the folder of another computer is found
MOST_CANDIDATES = 20_000  # files among which the nearest name is searched


class Match(NamedTuple):
    """The file that a row means, and how its name differs."""

    key: str
    how: str


def composed(name: str) -> str:
    """Return a name in Unicode NFC. macOS decomposes letters with accents, other systems do not."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _with_slashes(name: str) -> str:
    return composed(name).replace("\\", "/").removeprefix("./")


def _folded(name: str) -> str:
    return _with_slashes(name).casefold()


def stem_of(name: str) -> str:
    """Return a name without the extension of a recording, and regardless of upper or lower case."""
    stem, suffix = os.path.splitext(_folded(name))  # noqa: PTH122 - a million names are compared
    return stem if suffix in MEDIA else _folded(name)


LEVELS: Mapping[str, Callable[[str], str]] = {
    "file name in another Unicode form": composed,
    "path with backslashes": _with_slashes,
    "file name in other upper or lower case": _folded,
    "audio file with another extension": stem_of,
}
FOREIGN = "path that begins with a folder of another place"


class FileNames:
    """The names of the files that rows can mean.

    Args:
        keys: the files that no row names exactly.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._levels = {how: _unique(keys, spell) for how, spell in LEVELS.items()}

    def find(self, name: str) -> Match | None:
        """Return the only file that a name means; None where there is none, or several fit."""
        for how, spell in LEVELS.items():
            if key := self._levels[how].get(spell(name)):
                return Match(key, how)
        return None

    def find_below(self, name: str, folder: str) -> Match | None:
        """Return the file that a path means without its first folders; see `foreign_folder`."""
        path = _with_slashes(name)
        found = self.find(path[len(folder) :]) if path.startswith(folder) else None
        return Match(found.key, FOREIGN) if found else None

    def foreign_folder(self, names: Iterable[str]) -> str | None:
        """Return the folder with which paths begin that were written in another place, such as ``/home/ann/data/``.

        It is the one without which most of the paths are files.
        """
        counts: Counter[str] = Counter()
        for _, name in zip(range(SAMPLE_ROWS), names, strict=False):
            path = _with_slashes(name)
            for cut in re.finditer("/", path):
                if path[cut.end() :] and self.find(path[cut.end() :]):
                    counts[path[: cut.end()]] += 1
        return max(counts, key=lambda folder: (counts[folder], -len(folder))) if counts else None

    def nearest(self, name: str) -> str | None:
        """Return the file whose name is most like the given one, and has the same numbers; None where none is."""
        base = name.rpartition("/")[2]
        if same := [key for key in self._keys if key.rpartition("/")[2] == base]:
            return same[0]
        numbers = _numbers(name)
        near = {stem_of(key): key for key in self._keys if _numbers(key) == numbers}
        found = difflib.get_close_matches(stem_of(name), list(near)[:MOST_CANDIDATES], n=1, cutoff=0.6)
        return near[found[0]] if found else None


def _numbers(name: str) -> list[int]:
    """Return the numbers in a name. Recordings are numbered: one with other numbers is another recording."""
    return [int(digits) for digits in re.findall(r"[0-9]+", stem_of(name))]


def _unique(keys: Iterable[str], spell: Callable[[str], str]) -> dict[str, str]:
    """Return the file for each spelling that only one file has."""
    found: dict[str, str] = {}
    several = set()
    for key in keys:
        if found.setdefault(spell(key), key) != key:
            several.add(spell(key))
    return {spelling: key for spelling, key in found.items() if spelling not in several}


def other_encodings(names: Collection[str]) -> dict[str, str]:
    """Return the names on disk that are not UTF-8, by what they are in Latin-1 and Windows-1252."""
    found = {}
    for name in names:
        raw = os.fsencode(name)
        for encoding in ("latin-1", "cp1252"):
            found[composed(raw.decode(encoding, "replace"))] = raw.decode("utf-8", "backslashreplace")
    return found
