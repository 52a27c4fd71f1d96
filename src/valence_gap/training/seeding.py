"""Random numbers that depend only on a seed and a step, so that a resumed training draws the same ones."""

import random

import numpy as np
import torch


def seed_everything(*key: int) -> None:
    """Seed the generators of torch, NumPy (used by SpecAugment) and Python from a key of any length."""
    words = [int(word) for word in np.random.SeedSequence([each % 2**64 for each in key]).generate_state(4)]
    seed = words[0] << 32 | words[1]
    torch.default_generator.manual_seed(seed)  # without a GPU, torch.manual_seed takes a millisecond
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    np.random.seed(words[2])
    random.seed(words[3])
