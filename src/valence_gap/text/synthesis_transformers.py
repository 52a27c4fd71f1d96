"""Speech synthesis by transformers models in local folders: VITS, and SpeechT5 with its vocoder."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers import AutoTokenizer, SpeechT5ForTextToSpeech, SpeechT5HifiGan, VitsModel

from valence_gap.definitions.text import Synthesiser
from valence_gap.runtime import precision
from valence_gap.runtime.data_files import read_array
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.text.pretrained import load_pretrained, loading, model_type
from valence_gap.weights.model_types import WEIGHTS

SPEECHT5_RATE_HZ = 16_000


@dataclass(frozen=True)
class Loaded:
    """A loaded speech synthesis model.

    Attributes:
        speak: text -> float32 (samples,).
        rate_hz: its sampling rate.
        version: what the record says about it.
    """

    speak: Callable[[str], npt.NDArray[np.float32]]
    rate_hz: int
    version: dict[str, Any]


def load(synthesiser: Synthesiser) -> Loaded:
    """Load the model of a definition. Its random numbers depend only on the seed and the text.

    Raises:
        UserError: a folder or file is missing, damaged or of another kind.
    """
    folder = Path(cast(str, synthesiser.model)).expanduser()
    loaders = {"vits": _load_vits, "speecht5": _load_speecht5}
    kind = model_type(folder, loaders, "the folder does not contain a supported speech synthesis model")
    with loading("a speech synthesis model", folder, "Fetch it again."):
        speak, rate_hz = loaders[kind](synthesiser, folder)
    version = {"transformers": transformers.__version__, "model_type": kind, "model": _checksum(folder)}
    if kind == "speecht5":
        version |= {"vocoder": _checksum(Path(cast(str, synthesiser.vocoder)).expanduser())}
        version |= {"speaker": checksum(Path(cast(str, synthesiser.speaker)).expanduser())}
    return Loaded(_seeded(speak, synthesiser.seed), rate_hz, version)


def _load_vits(synthesiser: Synthesiser, folder: Path) -> tuple[Callable[[str], torch.Tensor], int]:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = _ready(VitsModel, folder)
    speakers = int(model.config.num_speakers)
    if (synthesiser.speaker_id or 0) >= speakers:
        raise UserError(
            f"the speaker_id is too large: {folder} has {speakers} speaker(s), counted from 0",
            [f"speaker_id: {synthesiser.speaker_id}"],
        )
    chosen = {"speaker_id": synthesiser.speaker_id or 0} if speakers > 1 else {}

    def speak(text: str) -> torch.Tensor:
        tokens = tokenizer(text, return_tensors="pt").to(model.device)
        if not tokens["input_ids"].shape[1]:
            return torch.zeros(0)
        return cast(torch.Tensor, model(**tokens, **chosen).waveform[0])

    return speak, int(model.config.sampling_rate)


def _load_speecht5(synthesiser: Synthesiser, folder: Path) -> tuple[Callable[[str], torch.Tensor], int]:
    missing = [f"{name}: not given" for name in ("vocoder", "speaker") if getattr(synthesiser, name) is None]
    if missing:
        raise UserError("SpeechT5 requires a vocoder and a speaker embedding", missing, "Add them to the synthesiser.")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = _ready(SpeechT5ForTextToSpeech, folder)
    vocoder = _ready(SpeechT5HifiGan, Path(cast(str, synthesiser.vocoder)).expanduser())
    embedding = np.asarray(read_array(Path(cast(str, synthesiser.speaker)).expanduser()), dtype=np.float32)
    speaker = torch.from_numpy(embedding.reshape(1, -1)).to(model.device)

    def speak(text: str) -> torch.Tensor:
        tokens = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
        return cast(torch.Tensor, model.generate_speech(tokens, speaker, vocoder=vocoder))

    return speak, SPEECHT5_RATE_HZ


def _ready(kind: Any, folder: Path) -> Any:
    return load_pretrained(kind, folder).to(precision.device()).eval()


def _seeded(speak: Callable[[str], torch.Tensor], seed: int) -> Callable[[str], npt.NDArray[np.float32]]:
    @torch.inference_mode()
    def seeded(text: str) -> npt.NDArray[np.float32]:
        torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed}/{text}".encode()).digest()[:7]))
        return np.asarray(speak(text).float().cpu().numpy(), dtype=np.float32).reshape(-1)

    return seeded


def _checksum(folder: Path) -> str:
    return checksum(folder / WEIGHTS)
