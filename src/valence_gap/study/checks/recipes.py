"""Checks for trainings that would run, but would not do what the definition says."""

from collections.abc import Iterator

from valence_gap.definitions.models import Training

MIN_BATCH_SIZE = 2
ONCE_AN_EPOCH = "but a fusion is evaluated once an epoch; valid: null"
NO_CCC = "1 has no CCC; valid: 2 or more (the paper: 32)"


def training_errors(training: Training, *, stored: bool) -> Iterator[tuple[str, str]]:
    """What is not valid in the definition of a trained model.

    Args:
        training: the definition.
        stored: whether the output of the pre-trained stem is computed once, and read if the stem is not trained.

    Yields:
        (key, complaint): a field of the training or of its recipe; its value and what would be valid.
    """
    recipe, cnn14 = training.recipe, training.backbone.architecture == "cnn14"
    if recipe.batch_size < MIN_BATCH_SIZE:
        yield "batch_size", NO_CCC
    if cnn14:
        yield from _cnn14_errors(training)
        return
    if training.frozen and not training.pretrained:
        yield "frozen", "true, but its weights are random (pretrained: false): nothing would be learnt; valid: false"
    if training.frozen and recipe.train_stem:
        yield "train_stem", "true, but the model is frozen: its head alone is trained; valid: false"
    if stored and not training.pretrained and not recipe.train_stem:
        yield "train_stem", "false, but pretrained: false: stored features are the pre-trained stem's; valid: true"


def _cnn14_errors(training: Training) -> Iterator[tuple[str, str]]:
    recipe = training.recipe
    if recipe.head_dropout is None:
        yield "head_dropout", "null, but CNN14 has no backbone with a final_dropout; valid: a number (the paper: 0.0)"
    if training.frozen:
        yield "frozen", "true leaves CNN14's random convolutions as they are; valid: false"
    if training.layers is not None:
        yield "layers", f"{training.layers}, but CNN14 has no transformer layers; valid: null"
    if not training.pretrained:
        yield "pretrained", "false, but CNN14 always starts from random weights; leave it out"
    if recipe.train_stem:
        yield "train_stem", "true, but CNN14 has no stem; valid: false"
    if recipe.activation_checkpointing:
        yield "activation_checkpointing", "true is for transformers alone; valid: false"
    part = recipe.micro_batch_size or recipe.batch_size
    if part == "auto" or part < recipe.batch_size:
        yield (
            "micro_batch_size",
            f"{part} would change the statistics of CNN14's batch normalisation; valid: null",
        )
