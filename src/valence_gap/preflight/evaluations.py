"""How many evaluations of the dev set a training has."""

import math

from valence_gap.definitions.models import Recipe


def count_evaluations(recipe: Recipe, utterances: float) -> int:
    """Number of evaluations of a training that is not stopped early.

    Args:
        recipe: its recipe.
        utterances: size of its training set.
    """
    steps = max(1, math.ceil(utterances / recipe.batch_size))  # of an epoch
    every = recipe.evaluate_every
    if every is None:
        return recipe.epochs
    total = recipe.epochs * steps
    both = total // math.lcm(every, steps)  # multiples of evaluate_every that are ends of epochs
    return total // every + recipe.epochs - both
