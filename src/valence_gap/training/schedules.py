"""Learning rates over the steps of a training."""

import math

FLOOR = 0.02


def warm_up_cosine(step: int, *, warm_up: int, steps: int) -> float:
    """Return the share of the peak learning rate: a linear warm-up, then half a cosine down to 2 %.

    Args:
        step: number of finished steps, from 0.
        warm_up: number of steps of the warm-up.
        steps: number of steps of the whole training.
    """
    if step < warm_up:
        return (step + 1) / warm_up
    done = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))
