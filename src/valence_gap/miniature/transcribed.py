"""Transcribed speech and plain text of the miniature, to train its recogniser and its text encoder.

They contain none of the corpora's sentences or speakers. Besides the unlabelled sentences there are everyday ones, made
of the most common words of English, because a recogniser must know "it was" and "you are not".
"""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from valence_gap.miniature.labels import draws
from valence_gap.miniature.lexicon import data
from valence_gap.miniature.rates import Frames, Sentences
from valence_gap.miniature.text import ENGLISH, finished, unlabelled
from valence_gap.miniature.unlabelled import degraded, in_processes, spoken, to_pcm16
from valence_gap.runtime.progress import progress


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
    """Return an endless stream of sentences that combine common words with sentiment words."""
    lists = data("everyday.json")
    rng = random.Random(f"{seed}/everyday")
    drawn = Sentences([Frames(lists["frames"], lists["slots"])], None)
    return (finished(drawn.draw(rng)) for _ in repeat(None))


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
    tasks = islice(enumerate(texts), first, None)
    with closing(in_processes(make, tasks, workers)) as utterances:
        return list(progress(utterances, "speaking", total=count, unit="utterances"))


def _speak(task: tuple[int, str], seed: int, noisy: float) -> TranscribedUtterance:
    index, text = task
    rng = draws(seed, "transcribed", index)
    speech = spoken(text, ENGLISH, index, seed, rng)
    if rng.random() < noisy:
        speech = degraded(speech, rng)
    return TranscribedUtterance(text, to_pcm16(speech))
