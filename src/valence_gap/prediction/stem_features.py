"""Stem features on disk: computed once, and used by every model with the same backbone."""

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from valence_gap.audio import packs
from valence_gap.models.encoder import load_stem
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.operations import stem_flop_per_s
from valence_gap.models.sizes import size_from_config
from valence_gap.prediction.inference import STEM_FRAMES_PER_S
from valence_gap.prediction.inputs import FEATURES, Inputs, open_inputs
from valence_gap.runtime import data_files, files, precision, provenance
from valence_gap.runtime.progress import progress
from valence_gap.weights.model_types import CONFIG, WEIGHTS

RUN = "run.json"


Bits = npt.NDArray[np.uint16] | npt.NDArray[np.float32]


def extract_features(
    backbone: Path, audio: Path, output: Path, *, rounded: bool = True, deterministic: bool = False
) -> None:
    """Compute the output of a backbone's frozen convolutional stem for a pack.

    Each utterance is computed alone, without padding, from its waveform of zero mean and unit variance; without this
    normalisation if the backbone says ``do_normalize: false``, as WavLM Base does. The memory use does not depend on
    the size of the corpus.

    Args:
        backbone: folder of the backbone in Hugging Face format.
        audio: pack of the audio.
        output: folder to write: ``features.npy`` (uint16, bits of bfloat16, or float32: (frames of all utterances,
            channels)), ``index.parquet`` (id, offset, frames) and ``run.json``.
        rounded: round to bfloat16; otherwise store float32, in twice the space.
        deterministic: use deterministic kernels on a GPU too; they give the same bits every time.

    Raises:
        UserError: the backbone or the pack is missing or damaged.
    """
    started = time.monotonic()
    stem = load_stem(backbone, rounded=rounded)
    stem.extractor.to(precision.device())
    inputs = open_inputs("stem", audio=audio, stem=stem)
    with files.atomic_folder(output) as scratch, precision.deterministic_kernels(deterministic):
        _write(scratch, inputs, stem)
        sources = {"backbone": backbone / WEIGHTS, "audio": audio / packs.AUDIO, "index": audio / packs.INDEX}
        definition = {"backbone": backbone.name, "format": "bfloat16" if rounded else "float32"}
        audio_s = float(inputs.lengths.sum()) / STEM_FRAMES_PER_S
        record = provenance.run_record(
            definition,
            inputs=sources,
            started=started,
            device=str(precision.device()),
            audio_s=audio_s,
            flop=audio_s * stem_flop_per_s(size_from_config(files.read_json(backbone / CONFIG))),
        )
        record |= {"deterministic": deterministic or precision.device().type == "cpu"}
        files.write_json(scratch / RUN, record | ({} if stem.normalised else {"normalised": False}))


def to_bits(features: Tensor) -> npt.NDArray[np.uint16]:
    """Return the bits of the numbers in bfloat16: uint16, same shape."""
    bits: npt.NDArray[np.uint16] = features.to(torch.bfloat16).contiguous().view(torch.uint16).numpy()
    return bits


def _write(folder: Path, inputs: Inputs, stem: Stem) -> None:
    offsets = np.cumsum(inputs.lengths) - inputs.lengths
    index = {"id": pd.Series(inputs.ids, dtype="str"), "offset": offsets, "frames": inputs.lengths}
    shape = (int(inputs.lengths.sum()), _channels(stem))
    dtype = np.uint16 if stem.rounded else np.float32
    rows = progress(range(len(inputs)), "stem features", unit="utterances")
    blocks = (_frames(inputs, row, rounded=stem.rounded) for row in rows)
    data_files.write_blocks(folder / FEATURES, dtype, shape, blocks)
    data_files.write_parquet(folder / packs.INDEX, pd.DataFrame(index))


def _frames(inputs: Inputs, row: int, *, rounded: bool) -> Bits:
    features = inputs[row]
    if len(features) != inputs.lengths[row]:
        raise RuntimeError(f"{inputs.ids[row]}: the stem gave {len(features)} frames instead of {inputs.lengths[row]}")
    return to_bits(features) if rounded else features.numpy()


def _channels(stem: Stem) -> int:
    return stem(torch.zeros(stem.receptive_field)).shape[1]
