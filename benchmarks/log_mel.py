"""Log-Mel spectrograms of CNN14 on one core: this project, librosa and torchaudio, where these are installed."""

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from bench_setup import Setup
from side_by_side import Check, Outcome

from valence_gap.definitions.models import Backbone
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.front_ends.log_mel import FLOOR, HIGHEST_HZ, LOWEST_HZ
from valence_gap.prediction.inputs import log_mel

LIMIT_DB = 0.01
OTHERS = ("librosa", "torchaudio")

Waveform = npt.NDArray[np.float32]


def installed() -> tuple[str, ...]:
    """The other sides that can run here."""
    return tuple(name for name in OTHERS if _can_be_imported(name))


def _can_be_imported(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError):  # OSError: built for another version of PyTorch
        return False
    return True


def run(side: str, precision: str, setup: Setup) -> Outcome:
    """Compute the spectrograms of the training utterances several times and return what it took."""
    torch.set_num_threads(1)
    waveforms, compute = _waveforms(setup), _side(side)
    compute(waveforms[0])  # filters and compiled code are made once in a job
    started = time.perf_counter()
    for _ in range(setup.repeats):
        for waveform in waveforms:
            compute(waveform)
    return Outcome(time.perf_counter() - started, setup.repeats * float(setup.durations_s("train").sum()))


def check(setup: Setup) -> Check:
    """Compare the spectrograms of all sides."""
    waveforms = _waveforms(setup)
    ours = [_side("valence-gap")(waveform) for waveform in waveforms]
    values = [0.0]
    for name in installed():
        theirs = [_side(name)(waveform) for waveform in waveforms]
        values += [float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)]
    return Check("d", "spectrograms in dB", max(values), LIMIT_DB)


def _waveforms(setup: Setup) -> list[Waveform]:
    return [soundfile.read(path, dtype="float32")[0] for path in setup.files("train")]


def _side(name: str) -> Callable[[Waveform], npt.NDArray[np.float32]]:
    """The computation of a side: samples -> dB, (frames, bins)."""
    own = log_mel(Backbone(architecture="cnn14"))
    if name == "valence-gap":
        return lambda waveform: own(torch.from_numpy(waveform)).numpy()
    sizes: dict[str, Any] = {"n_fft": own.window, "hop_length": own.hop, "n_mels": own.bins}
    if name == "librosa":
        import librosa

        def with_librosa(waveform: Waveform) -> npt.NDArray[np.float32]:
            power = librosa.feature.melspectrogram(
                y=waveform, sr=SAMPLE_RATE_HZ, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, pad_mode="reflect", **sizes
            )
            decibels: npt.NDArray[np.float32] = librosa.power_to_db(power, amin=FLOOR, top_db=None).T
            return decibels

        return with_librosa
    import torchaudio

    mel = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE_HZ, f_min=LOWEST_HZ, f_max=HIGHEST_HZ, norm="slaney", mel_scale="slaney", **sizes
    )
    to_db = torchaudio.transforms.AmplitudeToDB(top_db=None)
    return lambda waveform: to_db(mel(torch.from_numpy(waveform))).T.numpy()
