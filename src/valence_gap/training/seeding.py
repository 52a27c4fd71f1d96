"""Random numbers that depend on a seed and a step alone, so that a resumed training draws them again."""

import random

import numpy as np
import torch


def seed_everything(*key: int) -> None:
    """Seed the generators of torch, NumPy (SpecAugment's) and Python from a key of any length."""
    words = [int(word) for word in np.random.SeedSequence([each % 2**64 for each in key]).generate_state(4)]
    seed = words[0] << 32 | words[1]
    torch.default_generator.manual_seed(seed)  # torch.manual_seed takes a millisecond where there is no GPU
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    np.random.seed(words[2])
    random.seed(words[3])
