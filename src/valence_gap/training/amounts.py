"""How much a training computed, for its record."""

from valence_gap.definitions.models import Training
from valence_gap.models.loading import SpeechModel
from valence_gap.models.operations import TRAINING, Durations, forward_flop
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.learners import Learner, TrainingSplit


def trained_flop(
    training: Training, model: SpeechModel, learner: Learner, journal: TrainerState, split: TrainingSplit
) -> float:
    """Operations of a training and of its evaluations, over all runs; padding and what is computed twice are left out.

    Args:
        training: the definition of the trained model.
        model: the model.
        learner: its examples.
        journal: progress of the training.
        split: the files of the training split.
    """
    train_s, dev_s = learner.train.durations_s, learner.dev.durations_s
    is_stem_trained = model.input_kind == "waveform"
    is_stem_computed = is_stem_trained or split.features is None

    def forward(durations_s: Durations) -> float:
        return forward_flop(model.shape, durations_s, stem=is_stem_computed)

    if training.frozen and training.recipe.frozen_mode == "evaluation":  # pooled states, once
        return forward(train_s) + forward(dev_s)
    epochs = journal.audio_s / max(float(train_s.sum()), 1e-9)
    backward = (TRAINING - 1) * forward_flop(model.shape, train_s, stem=is_stem_trained)
    one = forward(train_s) + (0.0 if training.frozen else backward)
    return epochs * one + len(journal.rows) * forward(dev_s)
