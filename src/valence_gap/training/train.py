"""Training of one model with the recipe of the paper (section III-B), as one loop.

On a CPU, and on a GPU with ``deterministic: true``, the same definition and data give the same weights, also after a
kill and a resume. For this, the batches, dropout and masks of each step depend only on the seed and the step number.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from valence_gap.definitions.models import Recipe, Training
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.models import loading
from valence_gap.models.kernels import limit_kernels
from valence_gap.runtime import gpu_memory, precision, provenance
from valence_gap.runtime.errors import UserError, is_out_of_memory
from valence_gap.runtime.files import atomic_folder
from valence_gap.runtime.progress import log_line
from valence_gap.scores.metrics import cccs
from valence_gap.training import checkpoints
from valence_gap.training.amounts import trained_flop
from valence_gap.training.batching import Rows, epoch_batches
from valence_gap.training.checkpoints import LogRow, StopSignals, TrainerState, TrainingInterrupted, Weights
from valence_gap.training.examples import Batch, load_batches
from valence_gap.training.kept_inputs import keeping_in
from valence_gap.training.learners import Forward, Learner, TrainingSplit, build_learner, files_of
from valence_gap.training.log_lines import StepLogger, describe, describe_resumed
from valence_gap.training.loss_reader import LossReader, not_finite
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer, set_learning_rate
from valence_gap.training.record import write_log
from valence_gap.training.saved_state import SavedState, state_keys
from valence_gap.training.seeding import seed_everything


def train(
    training: Training,
    *,
    backbone: Path | None,
    train_split: TrainingSplit,
    dev_split: TrainingSplit,
    train_utterances: Path,
    scratch: Path,
    output: Path,
) -> None:
    """Train a model and write the checkpoint with the best mean dev CCC.

    Args:
        training: the definition of the trained model.
        backbone: folder of the pre-trained backbone; None: no backbone (CNN14).
        train_split: training split.
        dev_split: development split.
        train_utterances: table of the training utterances, from which the fraction is selected.
        scratch: folder of this training only, for its saved state and kept inputs; removed at its end.
        output: folder to write: ``model.safetensors``, ``config.json``, ``training.csv`` and ``run.json``.

    Raises:
        UserError: labels and inputs do not match, the loss is not finite, or memory runs out.
        TrainingInterrupted: a signal stopped the training. Its state is saved; the same call resumes it.
    """
    started = time.monotonic()
    recipe = training.recipe
    device = precision.device()
    files = files_of(backbone, train_split, dev_split, train_utterances)
    with (
        StopSignals() as signals,
        precision.cpu_threads(recipe.threads),
        precision.deterministic_kernels(recipe.deterministic),
        precision.products_of(recipe.precision),
        _explain_out_of_memory(recipe),
        keeping_in(scratch) as keep,
    ):
        checksums = provenance.checksums(files, in_background=device.type != "cpu")
        if device.type == "cpu":
            checksums()
        seed_everything(training.seed)
        model = loading.build(training, backbone)
        limit_kernels(model.shape, train_stem=recipe.train_stem)
        model = model.to(device)
        learner = build_learner(training, model, train_split, dev_split, train_utterances, device, keep)
        state = SavedState(scratch, lambda: state_keys(training, checksums(), device))
        journal, best = _train_and_evaluate(training, learner, device, signals, state)
        learner.module.load_state_dict(best)
        with atomic_folder(output) as folder:
            model.save(folder)
            write_log(
                folder,
                training,
                journal,
                device=device,
                part_size=learner.part_size,
                checksums=checksums(),
                flop=trained_flop(training, model, learner, journal, train_split),
                started=started,
            )
    checkpoints.remove(scratch)


def _train_and_evaluate(
    training: Training,
    learner: Learner,
    device: torch.device,
    signals: StopSignals,
    state: SavedState,
) -> tuple[TrainerState, Weights]:
    """Train until the recipe ends, from the saved state if there is one; return the progress and the best weights.

    The state is saved at the end of epochs, before their evaluation, and when a signal stops the training.

    Args:
        training: the definition of the trained model.
        learner: the module that is trained, and its data.
        device: device of the computation.
        signals: the signals that stop the training.
        state: the saved state.

    Raises:
        UserError: the loss is not finite.
        TrainingInterrupted: a signal stopped the training.
    """
    recipe = training.recipe
    optimizer = build_optimizer(recipe, [each for each in learner.module.parameters() if each.requires_grad])
    journal, best = state.load(learner.module, optimizer)
    journal.devices.append(precision.name_of(device))
    if journal.resumes:
        log_line(describe_resumed(journal, recipe))

    def save() -> None:
        state.save(journal, learner.module, optimizer, best)

    while not _finished(recipe, journal):
        with signals.deferred():
            for _ in training_steps(training, learner, optimizer, journal, device, stopped=signals.were_received):
                pass
            ended = journal.step == len(_batches(training, learner, journal))
            if signals.received or (ended and (state.is_due() or journal.epoch == recipe.epochs)):
                save()
        try:
            row = evaluate(training, learner, journal)
        except TrainingInterrupted:
            with signals.deferred():
                save()  # in the middle of an epoch, the saved state is that of the epoch before
            raise
        with signals.deferred():
            journal.rows.append(row)
            if journal.best == len(journal.rows) - 1:
                best = checkpoints.copy_weights(learner.module)
            if row["epoch_end"]:
                journal.epoch, journal.step, journal.loss_sum = journal.epoch + 1, 0, 0.0
            if signals.received:
                save()
    return journal, best


def training_steps(
    training: Training,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    journal: TrainerState,
    device: torch.device,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Run the steps until the next evaluation; yield after each step.

    The next evaluation is at the end of the epoch, or before it at a multiple of ``evaluate_every`` steps. On a GPU the
    loss of a step is read, and added to the journal, when the next step is queued. The journal is complete at the end.

    Args:
        training: the definition of the trained model.
        learner: the module that is trained, and its data.
        optimizer: its optimiser.
        journal: progress of the training; updated after each step.
        device: device of the computation.
        stopped: asked after each step; the steps end where it is true.

    Raises:
        UserError: the loss is not finite.
    """
    recipe = training.recipe
    losses = LossReader(journal, learner.train, late=device.type == "cuda")
    rows_of = _batches(training, learner, journal)
    step_logger = StepLogger(recipe, journal, len(rows_of))
    left = rows_of[journal.step : _next_evaluation(recipe, journal, len(rows_of))]
    learner.module.train()
    learner.prepare(rows_of)
    began = time.monotonic()
    for batch in load_batches(learner.train, left, part_size=learner.part_size, device=device):
        journal.waited_s += time.monotonic() - began
        losses.add(backward(learner.forward, batch, (training.seed, journal.epoch, journal.step)), batch.rows)
        if recipe.gradient_norm is not None:
            nn.utils.clip_grad_norm_(learner.module.parameters(), recipe.gradient_norm)
        done = (journal.epoch - 1) * len(rows_of) + journal.step
        set_learning_rate(optimizer, recipe, done, steps=recipe.epochs * len(rows_of))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        journal.step += 1
        journal.audio_s += float(learner.train.durations_s[batch.rows].sum())
        ended = time.monotonic()
        journal.train_s += ended - began
        began = ended
        step_logger.step(losses.last, len(batch.rows))
        yield
        if stopped():
            break
    losses.finish()
    journal.train_s += time.monotonic() - began  # on a GPU, the last step is computed until here


def _batches(training: Training, learner: Learner, journal: TrainerState) -> list[Rows]:
    """The batches of the epoch that is being trained; every epoch has the same number of them."""
    return epoch_batches(learner.lengths, training.recipe.batch_size, seed=training.seed, epoch=journal.epoch)


def _next_evaluation(recipe: Recipe, journal: TrainerState, steps: int) -> int:
    """The step of the current epoch, of ``steps`` steps, after which the dev set is evaluated next."""
    if recipe.evaluate_every is None:
        return steps
    evaluated = journal.rows[-1]["step"] if journal.rows else 0  # steps of the whole training
    due = (evaluated // recipe.evaluate_every + 1) * recipe.evaluate_every
    return min(due - (journal.epoch - 1) * steps, steps)


def backward(forward: Forward, batch: Batch, key: tuple[int, ...]) -> torch.Tensor:
    """Compute the gradients of the loss of a whole batch; they are exact even if the batch has several parts.

    The CCC is a statistic of the whole batch, so the sum of the parts' losses is another loss. Therefore this function
    first computes all predictions, and then the gradient of the loss with respect to them. Then it computes each part
    again, with the same dropout and masks, and backpropagates the part's share of this gradient.

    Args:
        forward: inputs, lengths -> predictions (batch, 3).
        batch: the batch and its parts.
        key: seed of the dropout and masks of this step.

    Returns:
        The loss, a scalar on the device.
    """
    if len(batch.parts) == 1:
        seed_everything(*key, 0)
        loss = ccc_loss(forward(*batch.parts[0]), batch.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def part(number: int) -> torch.Tensor:
        seed_everything(*key, number)
        return forward(*batch.parts[number])

    # Detach instead of torch.no_grad: so both passes use the same kernels and draw the same dropout.
    first = [part(number).detach() for number in range(len(batch.parts))]
    predictions = torch.cat(first).requires_grad_()  # (batch, 3)
    loss = ccc_loss(predictions, batch.targets)
    (gradient,) = torch.autograd.grad(loss, predictions)
    for number, share in enumerate(torch.split(gradient, [len(each) for each in first])):
        part(number).backward(share)  # type: ignore[no-untyped-call]
    return loss.detach()


def evaluate(training: Training, learner: Learner, journal: TrainerState) -> LogRow:
    """Evaluate the dev set after the finished steps and return the row of the training log.

    Args:
        training: the definition of the trained model.
        learner: the module that is trained, and its data.
        journal: progress of the training; not changed.

    Raises:
        UserError: the predictions are not finite.
    """
    learner.module.eval()
    predictions = learner.predict_dev()  # (dev utterances, 3)
    if not np.isfinite(predictions).all():
        raise not_finite(journal.epoch, journal.step + 1, [])
    arousal, dominance, valence = (float(each) for each in cccs(learner.dev.targets.T, predictions.T))
    mean = (arousal + dominance + valence) / len(DIMENSIONS)
    rows_of = _batches(training, learner, journal)
    best = mean > max((row["dev_mean"] for row in journal.rows), default=-np.inf)
    row = LogRow(
        epoch=journal.epoch,
        step=(journal.epoch - 1) * len(rows_of) + journal.step,
        epoch_end=journal.step == len(rows_of),
        loss=journal.loss_sum / sum(len(rows) for rows in rows_of[: journal.step]),
        dev_arousal=arousal,
        dev_dominance=dominance,
        dev_valence=valence,
        dev_mean=mean,
    )
    log_line(f"{describe(row, training.recipe)}{', the best so far' if best else ''}")
    return row


def _finished(recipe: Recipe, journal: TrainerState) -> bool:
    patient = recipe.patience is None or len(journal.rows) - 1 - journal.best < recipe.patience
    return journal.epoch > recipe.epochs or not patient


@contextmanager
def _explain_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Turn an out-of-memory error into a message that says what to do."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"memory ran out with batch_size: {recipe.batch_size}, micro_batch_size: {recipe.micro_batch_size}",
            gpu_memory.occupancy() if gpu_memory.is_full(error) else (),
            remedy="Set `micro_batch_size` to 8 or less (the gradients stay those of the whole batch), "
            "`activation_checkpointing: true`, or `max_duration_s`.",
        ) from error
