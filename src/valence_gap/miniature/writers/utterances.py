"""Planned utterances of a miniature corpus: everything that is decided before the audio is synthesised."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from valence_gap.definitions.miniature import Miniature
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ, Dimension
from valence_gap.miniature.espeak import RATE_HZ, Voice, speak
from valence_gap.miniature.labels import ANNOTATIONS, Intent, delivery, draws, intent, ratings
from valence_gap.miniature.text import Sentence
from valence_gap.miniature.writers import wav
from valence_gap.miniature.writers.recording import record, recording_of

Ratings = npt.NDArray[np.int64]

CD_RATE_HZ = 44_100


@dataclass(frozen=True)
class Utterance:
    """One utterance before it is spoken.

    Attributes:
        corpus: corpus whose annotation and recordings it has.
        id: its name in the corpus.
        file: path of its audio inside the corpus' folder.
        speaker: the corpus' own name of its speaker.
        voice: voice that speaks it.
        text: the words.
        affect: the emotion that it expresses.
        ratings: answers of its raters, by dimension.
        stereo: written as two channels at 44.1 kHz rather than one at 16 kHz.
    """

    corpus: str
    id: str
    file: str
    speaker: str
    voice: Voice
    text: str
    affect: Intent
    ratings: Mapping[Dimension, Ratings]
    stereo: bool = False

    def mean(self, dimension: Dimension) -> float:
        """Return the mean answer of the raters, in the corpus' own scale."""
        return float(np.mean(self.ratings[dimension]))


def plan_utterance(
    corpus: str, name: str, sentence: Sentence, miniature: Miniature, *, file: str, speaker: str, voice: Voice
) -> Utterance:
    """Plan an utterance: draw the emotion that it expresses with the words of a sentence, and its ratings.

    Args:
        corpus: corpus whose annotation and recordings it has.
        name: its name in the corpus.
        sentence: what is said.
        miniature: seed, and spread of the ratings.
        file: path of its audio inside the corpus' folder.
        speaker: the corpus' own name of its speaker.
        voice: voice that speaks it.
    """
    annotation, seed = ANNOTATIONS[corpus], miniature.seed
    affect = intent(annotation, sentence.valence, draws(seed, corpus, name, "intent"))
    answers = _rated(corpus, name, affect, rater_noise=miniature.rater_noise, seed=seed)
    return Utterance(corpus, name, file, speaker, voice, sentence.text, affect, answers)


def _rated(corpus: str, utterance: str, affect: Intent, *, rater_noise: float, seed: int) -> dict[Dimension, Ratings]:
    """Draw the ratings of an utterance in each dimension, by the same raters."""
    annotation = ANNOTATIONS[corpus]
    raters = int(draws(seed, corpus, utterance, "raters").integers(*annotation.raters, endpoint=True))
    return {
        dimension: ratings(
            annotation,
            dimension,
            affect[dimension],
            raters=raters,
            rater_noise=rater_noise,
            rng=draws(seed, corpus, utterance, dimension),
        )
        for dimension in DIMENSIONS
    }


def synthesise_utterance(utterance: Utterance, root: Path, *, seed: int) -> float:
    """Speak, record and write an utterance.

    Args:
        utterance: the utterance.
        root: the corpus' folder.
        seed: seed of the miniature.

    Returns:
        Its duration in seconds.
    """
    voice = speak(utterance.text, utterance.voice, delivery(utterance.affect))
    recording = recording_of(utterance.corpus, utterance.speaker, seed)
    samples = record(voice, RATE_HZ, recording, draws(seed, utterance.corpus, utterance.id, "floor"))
    path = root / utterance.file
    if utterance.stereo:
        wide = soxr.resample(samples, SAMPLE_RATE_HZ, CD_RATE_HZ)
        wav.write(path, np.stack([wide, 0.8 * wide], axis=1), CD_RATE_HZ)
    else:
        wav.write(path, samples, SAMPLE_RATE_HZ)
    return len(samples) / SAMPLE_RATE_HZ
