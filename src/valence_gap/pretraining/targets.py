"""Targets of masked prediction: k-means clusters of MFCCs, then of a first model's hidden states (HuBERT)."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from transformers import PreTrainedModel

from valence_gap.pretraining.mfcc import HOP, frames_of, mfcc, samples_of
from valence_gap.runtime.progress import progress

FITTED_FRAMES = 100_000  # k-means is fitted on a sample of this size, which is enough for 100 clusters
ASSIGN_BATCH_FRAMES = 50_000
BLOCK_FRAMES = 400  # 8 s of context for the hidden states
TARGET_LEVEL = 2_000.0

Targets = npt.NDArray[np.int64]
Samples = npt.NDArray[np.int16]


def normalise_level(samples: Samples, offsets: npt.NDArray[np.int64]) -> Samples:
    """Remove the offset of every utterance and give all the same level, as in the zero-mean unit-variance model input.

    Otherwise the clusters would represent loudness, which the model input does not contain.

    Args:
        samples: (samples,) of all utterances.
        offsets: (utterances + 1,), the start of each utterance, and the end of the last.
    """
    out = np.empty_like(samples)
    for first, last in pairwise(offsets.tolist()):
        utterance = samples[first:last].astype(np.float32)
        utterance -= utterance.mean() if len(utterance) else 0
        scale = TARGET_LEVEL / max(float(utterance.std()) if len(utterance) else 0.0, 1.0)
        out[first:last] = np.clip(np.rint(utterance * scale), -32_768, 32_767)
    return out


def mfcc_targets(samples: Samples, *, clusters: int, seed: int) -> Targets:
    """The cluster of each frame's MFCCs: (frames,)."""
    features = mfcc(samples)
    return assign_clusters(features, fit_kmeans(features, clusters=clusters, seed=seed))


def hidden_targets(samples: Samples, model: PreTrainedModel, *, clusters: int, seed: int) -> Targets:
    """The cluster of each frame's hidden state in the middle layer of ``model``: (frames,)."""
    generator = np.random.default_rng(seed)
    starts = np.arange(0, frames_of(len(samples)), BLOCK_FRAMES)
    block_count = min(len(starts), -(-FITTED_FRAMES // BLOCK_FRAMES))
    sample = np.sort(generator.choice(starts, block_count, replace=False))
    centres = fit_kmeans(np.concatenate(list(_hidden(samples, model, sample))), clusters=clusters, seed=seed)
    blocks = progress(_hidden(samples, model, starts), "targets", total=len(starts), unit="blocks")
    return np.concatenate([assign_clusters(block, centres) for block in blocks])


def fit_kmeans(features: npt.NDArray[np.float32], *, clusters: int, seed: int) -> npt.NDArray[np.float32]:
    """Centres of k-means on a sample of the frames: (clusters, dimensions)."""
    generator = np.random.default_rng(seed)
    if len(features) > FITTED_FRAMES:
        features = features[np.sort(generator.choice(len(features), FITTED_FRAMES, replace=False))]
    means = MiniBatchKMeans(clusters, batch_size=4096, max_iter=60, n_init=3, random_state=seed)
    with threadpool_limits(1):  # sums over several threads have no fixed order
        means.fit(features)
    return np.asarray(means.cluster_centers_, dtype=np.float32)


def assign_clusters(features: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]) -> Targets:
    """The nearest centre of each row: (rows,)."""
    norms = (centres**2).sum(axis=1)
    nearest = [
        (norms - 2 * features[first : first + ASSIGN_BATCH_FRAMES] @ centres.T).argmin(axis=1)
        for first in range(0, len(features), ASSIGN_BATCH_FRAMES)
    ]
    return np.concatenate(nearest) if nearest else np.empty(0, dtype=np.int64)


def normalised(samples: Samples) -> torch.Tensor:
    """The input of the models: zero mean and unit variance. (..., samples) -> float32 of the same shape."""
    wave = torch.from_numpy(samples.astype(np.float32))
    return (wave - wave.mean(-1, keepdim=True)) / (wave.std(-1, keepdim=True, correction=0) + 1e-5)


@torch.inference_mode()
def _hidden(
    samples: Samples, model: PreTrainedModel, starts: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[np.float32]]:
    """(frames, hidden) of the middle layer for the block that begins at each of the frames ``starts``."""
    model.train(False)
    middle = model.config.num_hidden_layers // 2
    total, device = frames_of(len(samples)), next(model.parameters()).device
    for start in starts:
        frames = min(BLOCK_FRAMES, total - int(start))
        wave = normalised(samples[start * HOP : start * HOP + samples_of(frames)])
        states = model(wave[None].to(device), output_hidden_states=True).hidden_states[middle]
        yield states[0].float().cpu().numpy()
