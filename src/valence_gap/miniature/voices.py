"""The speakers of the miniature: their gender is known, and none of them is in two splits or in two corpora.

A speaker is an accent and a variant of espeak-ng with a pitch and a rate of its own. Each pair of accent and variant
belongs to one split of one corpus for every seed, so that test speakers differ from training speakers in more than
their pitch. The corpora differ in their mix of accents.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate, zip_longest
from typing import Literal, TypeVar

from valence_gap.miniature.espeak import Voice
from valence_gap.miniature.lexicon import CORPORA
from valence_gap.runtime.errors import UserError, valid_names

Gender = Literal["female", "male"]
T = TypeVar("T")

# The variants that a speech recogniser understands; genders are those of espeak-ng's voice files.
VARIANTS: Mapping[Gender, tuple[str, ...]] = {
    "female": ("f1", "f2", "f3", "f4", "f5", "anika", "steph"),
    "male": ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Michael", "Mike", "robert"),
}

# Shares in which the variants of an accent are divided among MSP-Podcast, IEMOCAP and CMU-MOSI.
_ACCENTS: Mapping[str, tuple[int, int, int]] = {
    "en-us": (7, 5, 6),
    "en-us-nyc": (8, 8, 2),
    "en": (7, 4, 7),
    "en-gb-x-rp": (8, 3, 7),
}
_SPLITS = ("train", "dev", "test")
_SPLIT_SHARES: Mapping[str, tuple[int, int, int]] = {
    "msp-podcast": (5, 2, 3),
    "iemocap": (3, 3, 5),
    "cmu-mosi": (3, 3, 5),
}

# Pitches of the corpora and of the unlabelled speech alternate, and are never equal.
_PITCHES = (39, 45, 51, 57)
_PITCH_SPREAD = 3
_UNLABELLED_PITCHES = (37, 43, 49, 55, 61)
_RATES_WPM = (160, 190)


def population(count: int, *, corpus: str, split: str, seed: int) -> tuple[Voice, ...]:
    """Return the speakers of one split, females and males in turn.

    Args:
        count: number of speakers; half of them are female; if it is odd, there is one female more.
        corpus: ``msp-podcast``, ``iemocap`` or ``cmu-mosi``.
        split: ``train``, ``dev`` or ``test``.
        seed: decides which of the split's voices come first, and their base values.

    Returns:
        ``count`` speakers; a pair of accent and variant occurs again only after all pairs have occurred.

    Raises:
        UserError: there is no such corpus or split, or it has fewer voices than requested.
    """
    if corpus not in CORPORA or split not in _SPLITS:
        raise UserError(
            "the miniature has no such split", [f"{corpus}/{split}"], remedy=valid_names([*CORPORA, *_SPLITS])
        )
    females = _speakers(corpus, split, "female", (count + 1) // 2, seed)
    males = _speakers(corpus, split, "male", count // 2, seed)
    paired = [voice for pair in zip_longest(females, males) for voice in pair if voice is not None]
    return tuple(
        Voice(voice.name, voice.gender, voice.pitch, voice.rate_wpm, f"{corpus}-{split}-{number:03d}")
        for number, voice in enumerate(paired, start=1)
    )


def unlabelled_voice(language: str, index: int, *, seed: int) -> Voice:
    """Return the speaker of utterance ``index`` of the unlabelled speech; its base pitch occurs in no corpus.

    Args:
        language: an espeak-ng language; ``en`` means all accents of English.
        index: number of the utterance.
        seed: seed of the unlabelled speech.
    """
    key = f"unlabelled/{seed}/{index}"
    accent = _choose(tuple(_ACCENTS), key + "/accent") if language == "en" else language
    gender: Gender = "female" if _number(key + "/gender") % 2 else "male"
    variant = _choose(VARIANTS[gender], key + "/variant")
    pitch = _choose(_UNLABELLED_PITCHES, key + "/pitch")
    return Voice(f"{accent}+{variant}", gender, pitch, _rate_wpm(key), f"unlabelled-{index:06d}")


def _speakers(corpus: str, split: str, gender: Gender, count: int, seed: int) -> list[Voice]:
    names = sorted(_names(corpus, split, gender), key=lambda name: _number(f"{seed}/{name}"))
    turns = len(_PITCHES) * _PITCH_SPREAD
    if count > len(names) * turns:
        raise UserError(
            f"{corpus}/{split} of the miniature has {len(names) * turns} {gender} voices, not {count}",
            remedy="Request fewer speakers.",
        )
    return [_speaker(name, gender, turn, seed) for turn in range(turns) for name in names][:count]


def _speaker(name: str, gender: Gender, turn: int, seed: int) -> Voice:
    """Return the ``turn``-th speaker of a voice: first pitches that differ by 4 or more, then those between."""
    level = (_number(f"{seed}/{name}/level") + turn) % len(_PITCHES)
    again, first = divmod(turn, len(_PITCHES))
    spread = (_number(f"{seed}/{name}/{first}/pitch") + again) % _PITCH_SPREAD
    return Voice(name, gender, _PITCHES[level] + spread, _rate_wpm(f"{seed}/{name}/{turn}"), name)


@cache
def _names(corpus: str, split: str, gender: Gender) -> tuple[str, ...]:
    mine: list[str] = []
    for accent, shares in _ACCENTS.items():
        names = sorted((f"{accent}+{variant}" for variant in VARIANTS[gender]), key=_number)
        mine += _deal(names, shares)[CORPORA.index(corpus)]
    mine.sort(key=_number)
    return tuple(_deal(mine, _SPLIT_SHARES[corpus])[_SPLITS.index(split)])


def _deal(names: Sequence[str], shares: Sequence[int]) -> list[Sequence[str]]:
    """Return consecutive parts of ``names`` in the proportions of ``shares``."""
    ends = [round(len(names) * total / sum(shares)) for total in accumulate(shares)]
    return [names[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _rate_wpm(key: str) -> int:
    low, high = _RATES_WPM
    return low + _number(key + "/rate") % (high - low + 1)


def _choose(choices: Sequence[T], key: str) -> T:
    return choices[_number(key) % len(choices)]


def _number(key: str) -> int:
    """Return a number that depends only on ``key``, on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])
