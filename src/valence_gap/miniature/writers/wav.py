"""Audio files of the miniature."""

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray


def write(path: Path, samples: NDArray[np.float32], rate_hz: int) -> None:
    """Write a PCM16 file, and create its folders.

    The file is encoded in memory, because soundfile waits for the disk after each file that it writes itself, which
    takes a third as long as the synthesis.

    Args:
        path: the file.
        samples: (samples,) or (samples, channels) in -1..1.
        rate_hz: sampling rate.
    """
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, rate_hz, format="WAV", subtype="PCM_16")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.getvalue())
