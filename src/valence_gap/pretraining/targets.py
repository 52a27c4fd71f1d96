"""Targets of masked prediction: k-means clusters of MFCCs (HuBERT's first iteration)."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valence_gap.pretraining.framing import Framing
from valence_gap.pretraining.mfcc import CEPSTRA, HOP, WINDOW, mfcc

FITTED_FRAMES = 100_000  # k-means is fitted on a sample of this size, which is enough for 100 clusters
ASSIGN_BATCH_FRAMES = 50_000
TARGET_LEVEL = 2_000.0

Targets = npt.NDArray[np.int64]
Samples = npt.NDArray[np.int16]


def normalise_level(samples: Samples, offsets: npt.NDArray[np.int64]) -> None:
    """Remove the offset of every utterance and give all the same level, as in the zero-mean unit-variance model input.

    Otherwise the clusters would represent loudness, which the model input does not contain.

    Args:
        samples: (samples,) of all utterances; changed in place, since 20 hours are 2.3 GB.
        offsets: (utterances + 1,), the start of each utterance, and the end of the last.
    """
    for first, last in pairwise(offsets.tolist()):
        utterance = samples[first:last].astype(np.float32)
        utterance -= utterance.mean() if len(utterance) else 0
        scale = TARGET_LEVEL / max(float(utterance.std()) if len(utterance) else 0.0, 1.0)
        samples[first:last] = np.clip(np.rint(utterance * scale), -32_768, 32_767)


def mfcc_targets(
    samples: Samples,
    offsets: npt.NDArray[np.int64],
    frames: Framing,
    *,
    clusters: int,
    seed: int,
    weights: tuple[float, float, float] | None = None,
) -> Targets:
    """The clusters of the MFCC frames of each frame of the stem.

    Args:
        samples: (samples,) of all utterances.
        offsets: (utterances + 1,), the start of each utterance, and the end of the last.
        frames: the frames of the stem.
        clusters: number of clusters.
        seed: seed of the clustering.
        weights: of the cepstra, less the utterance's mean, and of their first and second derivatives, each scaled to
            unit variance; None: the MFCCs as they are.

    Returns:
        (frames, parts of a frame).
    """
    features = mfcc(samples)
    if weights is not None:
        features = weighted(features, offsets, weights)
    found = assign_clusters(features, fit_kmeans(features, clusters=clusters, seed=seed))
    count = frames.frames_of(len(samples))
    return found[: count * frames.parts].reshape(count, frames.parts)


def weighted(
    features: npt.NDArray[np.float32], offsets: npt.NDArray[np.int64], weights: tuple[float, float, float]
) -> npt.NDArray[np.float32]:
    """Weight MFCCs for the distances of clusters.

    The mean of an utterance's cepstra is that of its voice, microphone and room, which targets should not tell.

    Args:
        features: (frames, 39).
        offsets: (utterances + 1,), in samples; a frame belongs to the utterance in which its centre is.
        weights: of the cepstra and their first and second derivatives.

    Returns:
        (frames, 39).
    """
    centres = np.arange(len(features)) * HOP + WINDOW // 2
    owners = np.clip(np.searchsorted(offsets, centres, side="right") - 1, 0, len(offsets) - 2)
    counts = np.maximum(np.bincount(owners, minlength=len(offsets) - 1), 1)
    out = features.copy()
    for column in range(CEPSTRA):
        means = np.bincount(owners, weights=features[:, column], minlength=len(offsets) - 1) / counts
        out[:, column] -= means[owners].astype(np.float32)
    scale = np.repeat(np.asarray(weights, np.float32), CEPSTRA) / np.maximum(out.std(axis=0), 1e-6)
    out *= scale
    return out


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
