"""The interface for Python: ``from valence_gap import load_model``; samples in, arousal, dominance and valence out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch

from valence_gap.audio.arrays import decode_array
from valence_gap.audio.decoding import AudioError
from valence_gap.models.base import SpeechModel
from valence_gap.models.loading import load
from valence_gap.prediction.notes import SYNTHETIC
from valence_gap.prediction.parts import LONGEST_PART_S, Cutting, Recording, means, recording_of, score_parts
from valence_gap.prediction.score_tables import recording_notes
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import Precision, device, prepared
from valence_gap.weights.released import fetched_model
from valence_gap.weights.synthetic import is_trained_on_synthetic_speech


@dataclass(frozen=True)
class Prediction:
    """The scores of one recording.

    Attributes:
        arousal: from calm to excited, on the scale of the training labels: 0 is their lowest, 1 their highest.
        dominance: from submissive to dominant, on the same scale.
        valence: from negative to positive, on the same scale.
        notes: what suggests that the scores mean little: silence, clipping, scores far outside 0..1, ...
        embedding: pooled states of the last layer, float32 (hidden,); None if they were not asked for.
    """

    arousal: float
    dominance: float
    valence: float
    notes: tuple[str, ...] = ()
    embedding: npt.NDArray[np.float32] | None = field(default=None, repr=False)


def load_model(
    folder: str | Path | None = None, *, precision: Precision | None = None, on: str | None = None
) -> "Model":
    """Load a finished model.

    Args:
        folder: a trained model of a study, an export, or a model in the layout of the authors' released one. None: the
            released model, where ``valence-gap fetch-model`` has put it.
        precision: number format of the products; None: the one of the model's training. With ``fp32`` nothing is
            rounded.
        on: PyTorch's name of the device; None: the GPU that PyTorch finds, else the CPU.

    Raises:
        UserError: the folder does not contain a model that this project supports, or the released model has not been
            fetched.
    """
    place = fetched_model() if folder is None else Path(folder).expanduser()
    return Model(
        load(place, precision).to(prepared(torch.device(on)) if on else device()),
        synthetic=is_trained_on_synthetic_speech(place),
    )


class Model:
    """A finished model that predicts arousal, dominance and valence (paper, section III-B).

    Args:
        network: the loaded model.
        synthetic: it was trained on synthetic speech; each prediction has a note that says so.
    """

    def __init__(self, network: SpeechModel, *, synthetic: bool = False) -> None:
        self.network = network
        self._always = (SYNTHETIC,) if synthetic else ()

    @overload
    def predict(
        self, audio: list[Any] | tuple[Any, ...], sampling_rate: int, *, embeddings: bool = ..., chunk_s: float = ...
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self, audio: npt.NDArray[Any], sampling_rate: int, *, embeddings: bool = ..., chunk_s: float = ...
    ) -> Prediction: ...

    def predict(
        self, audio: Any, sampling_rate: int, *, embeddings: bool = False, chunk_s: float = LONGEST_PART_S
    ) -> Prediction | list[Prediction]:
        """Predict one recording, or several at once.

        The samples are averaged over channels, resampled to 16 kHz, rounded to 16 bits and checked as `valence-gap
        predict` does with a file that has them. On a CPU the scores are then the same to the last bit, if the same
        recordings are predicted at once: the others in a batch change a score by the rounding of the products.

        Args:
            audio: samples of one recording, (samples,) or (samples, channels): floats in -1..1, or int16 or int32. Or a
                list of such arrays.
            sampling_rate: of all of them, in Hz.
            embeddings: keep the pooled states.
            chunk_s: a longer recording is cut into equal parts of at most so many seconds. Its scores and its embedding
                are their means, weighted by their durations.

        Returns:
            One prediction, or a list of them for a list.

        Raises:
            UserError: recordings cannot be used; all of them are listed.
        """
        several = isinstance(audio, list | tuple)
        recordings = _recordings(audio if several else [audio], sampling_rate, Cutting(chunk_s))
        if not recordings:
            return []
        values, pooled = score_parts(self.network, recordings, keep_pooled=embeddings, what="")
        states = means(recordings, pooled).astype(np.float32) if embeddings else [None] * len(recordings)
        rows = zip(recordings, means(recordings, values), states, strict=True)
        found = [self._prediction(each, scores, state) for each, scores, state in rows]
        return found if several else found[0]

    def _prediction(
        self, recording: Recording, scores: npt.NDArray[np.float64], embedding: npt.NDArray[np.float32] | None
    ) -> Prediction:
        arousal, dominance, valence = map(float, scores)
        notes = (*(text for _, text in recording_notes(recording, scores)), *self._always)
        return Prediction(arousal, dominance, valence, notes, embedding)


def _recordings(audio: Sequence[Any], sampling_rate: int, cutting: Cutting) -> list[Recording]:
    """Return recordings as the model hears them.

    Raises:
        UserError: some cannot be used.
    """
    found, bad = [], []
    for number, samples in enumerate(audio):
        name = f"recording {number}"
        try:
            found.append(recording_of(name, decode_array(samples, sampling_rate), cutting))
        except AudioError as error:
            bad.append(f"{name}: {error}")
    if bad:
        raise UserError(
            f"{len(bad)} of {len(audio)} recordings cannot be used", bad, "Leave them out, or correct them."
        )
    return found
