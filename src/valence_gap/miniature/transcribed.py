"""Transcribed speech and plain text of the miniature, to train its recogniser and its text encoder.

They contain none of the corpora's sentences or speakers. Besides the unlabelled sentences there are everyday ones, made
of the most common words of English, because a recogniser must know "it was" and "you are not".
"""

import multiprocessing
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import soxr
from numpy.typing import NDArray

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.miniature.espeak import RATE_HZ, Delivery, speak
from valence_gap.miniature.labels import draws
from valence_gap.miniature.lexicon import data, sentiment_words
from valence_gap.miniature.text import ENGLISH, unlabelled
from valence_gap.miniature.unlabelled import degraded
from valence_gap.miniature.voices import unlabelled_voice
from valence_gap.runtime.progress import progress

_SLOT = re.compile(r"\{([a-z]+)\}")
_LEAN = 0.9  # width of the range of moods around neutral; all words of a sentence are drawn by the same mood


@dataclass(frozen=True)
class TranscribedUtterance:
    """An utterance and its transcript.

    Attributes:
        text: the words.
        samples: int16 (samples,) at 16 kHz.
    """

    text: str
    samples: NDArray[np.int16]


def english_sentences(count: int, *, seed: int) -> tuple[str, ...]:
    """Return English sentences for the text encoder and the recogniser; every second one has common words.

    Args:
        count: number of sentences; a longer list starts with the shorter one.
        seed: their seed.
    """
    others = iter(unlabelled(ENGLISH, (count + 1) // 2, seed=seed))
    common = common_sentences(seed=seed)
    return tuple(next(common) if index % 2 else next(others) for index in range(count))


def common_sentences(*, seed: int) -> Iterator[str]:
    """Yield an endless stream of sentences that combine common words with sentiment words of one mood."""
    lists = data("everyday.json")
    plain: Mapping[str, Sequence[str]] = lists["slots"]
    rated = sentiment_words(None)
    rng = random.Random(f"{seed}/everyday")
    while True:
        mood = 0.5 + _LEAN * (rng.random() - 0.5)

        def word(slot: "re.Match[str]", mood: float = mood) -> str:
            kind = slot[1]
            return rated[kind].sample(mood, rng) if kind in rated else _choose(plain[kind], rng)

        text = _SLOT.sub(word, _choose(lists["frames"], rng))
        yield text[0].upper() + text[1:] + "."


def transcribed_speech(
    count: int, *, seed: int, noisy: float, workers: int, first: int = 0
) -> list[TranscribedUtterance]:
    """Speak plain text, every utterance by a different voice that no corpus has.

    An utterance depends only on its number and the seed.

    Args:
        count: number of utterances.
        seed: seed of texts, voices and deliveries.
        noisy: share of them that may have noise or telephone bandwidth.
        workers: number of processes that synthesise.
        first: number of the first utterance; the ones before it are left out.
    """
    texts = english_sentences(first + count, seed=seed)
    make = partial(_speak, seed=seed, noisy=noisy)
    tasks = list(enumerate(texts))[first:]
    return list(progress(_mapped(make, tasks, workers), "speaking", total=count, unit="utterances"))


def _choose(choices: Sequence[str], rng: random.Random) -> str:
    return choices[int(rng.random() * len(choices))]


def _speak(task: tuple[int, str], seed: int, noisy: float) -> TranscribedUtterance:
    index, text = task
    rng = draws(seed, "transcribed", index)
    delivery = Delivery(
        rate_wpm=int(rng.integers(125, 250)),
        pitch=int(rng.integers(20, 80)),
        pitch_range=int(rng.integers(10, 95)),
        volume=int(rng.integers(50, 140)),
    )
    voice = speak(text, unlabelled_voice(ENGLISH, index, seed=seed), delivery)
    speech: NDArray[np.float32] = soxr.resample(voice, RATE_HZ, SAMPLE_RATE_HZ)
    if rng.random() < noisy:
        speech = degraded(speech, rng)
    return TranscribedUtterance(text, np.rint(np.clip(speech, -1, 1) * 32767).astype(np.int16))


def _mapped(
    make: Callable[[tuple[int, str]], TranscribedUtterance], tasks: Sequence[tuple[int, str]], workers: int
) -> Iterator[TranscribedUtterance]:
    if workers <= 1:
        yield from map(make, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(make, tasks, chunksize=8)
