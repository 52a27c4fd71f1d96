"""Training of one model with the recipe of the paper (section III-B), as one loop.

On a CPU, and on a GPU with ``deterministic: true``, the same definition and data give the same weights, also after a
kill and a resume. For this, the batches, dropout and masks of each step depend only on the seed and the step number.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from valence_gap.definitions.models import Recipe, Training
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.models import loading
from valence_gap.runtime import precision, provenance
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError, is_out_of_memory
from valence_gap.runtime.files import atomic_folder, write_json
from valence_gap.runtime.progress import LINE_EVERY_S, StatusLines, log_line
from valence_gap.scores.metrics import cccs
from valence_gap.training import checkpoints
from valence_gap.training.batching import epoch_batches
from valence_gap.training.checkpoints import LogRow, StopSignals, TrainerState
from valence_gap.training.examples import Batch, load_batches
from valence_gap.training.learners import Forward, Learner, TrainingSplit, build_learner, checksums_of
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer, set_learning_rate
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
        scratch: folder of this training only, for its saved state; removed at the end of the training.
        output: folder to write: ``model.safetensors``, ``config.json``, ``training.csv`` and ``run.json``.

    Raises:
        UserError: labels and inputs do not match, the loss is not finite, or memory runs out.
        TrainingInterrupted: a signal stopped the training. Its state is saved; the same call resumes it.
    """
    started = time.monotonic()
    recipe = training.recipe
    checksums = checksums_of(backbone, train_split, dev_split, train_utterances)
    key = checkpoints.state_key(json.loads(to_json(training)), checksums)
    with StopSignals() as signals, _reproducible(recipe), _explain_out_of_memory(recipe):
        seed_everything(training.seed)
        device = precision.device()
        if recipe.train_stem:
            precision.keep_few_kernels()
        model = loading.build(training, backbone).to(device)
        learner = build_learner(training, model, train_split, dev_split, train_utterances, device)
        optimizer = build_optimizer(recipe, [each for each in learner.module.parameters() if each.requires_grad])
        status = StatusLines(f"{output.parent.name}/{output.name}")
        journal, best = checkpoints.load(scratch, key, learner.module, optimizer) or (TrainerState(), {})

        while not _finished(recipe, journal):
            with signals.deferred():
                for _ in training_steps(training, learner, optimizer, journal, device):
                    if signals.received:
                        break
                checkpoints.save(scratch, key, journal, learner.module, optimizer, best)
            row = evaluate_epoch(learner, journal)
            journal.rows.append(row)
            if journal.best_epoch == journal.epoch:
                best = checkpoints.copy_weights(learner.module)
            journal.epoch, journal.step, journal.loss_sum = journal.epoch + 1, 0, 0.0
            status.show(_format_epoch(row), always=_finished(recipe, journal))

        learner.module.load_state_dict(best)
        with atomic_folder(output) as folder:
            model.save(folder)
            _write_log(folder, training, journal, checksums, started)
    checkpoints.remove(scratch)


def training_steps(
    training: Training, learner: Learner, optimizer: torch.optim.Optimizer, journal: TrainerState, device: torch.device
) -> Iterator[None]:
    """Run the remaining steps of an epoch; yield after each step, when the journal is up to date.

    Args:
        training: the definition of the trained model.
        learner: the module that is trained, and its data.
        optimizer: its optimiser.
        journal: progress of the training; updated after each step.
        device: device of the computation.

    Raises:
        UserError: the loss is not finite.
    """
    recipe = training.recipe
    rows_of = epoch_batches(learner.lengths, recipe.batch_size, seed=training.seed, epoch=journal.epoch)
    step_logger = StepLogger(recipe, journal, len(rows_of))
    left = rows_of[journal.step :]
    learner.module.train()
    for batch in load_batches(learner.train, left, part_size=recipe.micro_batch_size, device=device):
        began = time.monotonic()
        loss = backward(learner.forward, batch, (training.seed, journal.epoch, journal.step))
        if not np.isfinite(loss):
            raise _not_finite(journal, [learner.train.inputs.ids[row] for row in batch.rows])
        if recipe.gradient_norm is not None:
            nn.utils.clip_grad_norm_(learner.module.parameters(), recipe.gradient_norm)
        done = (journal.epoch - 1) * len(rows_of) + journal.step
        set_learning_rate(optimizer, recipe, done, steps=recipe.epochs * len(rows_of))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        journal.step += 1
        journal.loss_sum += loss * len(batch.rows)
        journal.audio_s += float(learner.train.durations_s[batch.rows].sum())
        journal.train_s += time.monotonic() - began
        step_logger.step(loss, len(batch.rows))
        yield


def backward(forward: Forward, batch: Batch, key: tuple[int, ...]) -> float:
    """Compute the gradients of the loss of a whole batch; they are exact even if the batch has several parts.

    The CCC is a statistic of the whole batch, so the sum of the parts' losses is another loss. Therefore this function
    first computes all predictions, and then the gradient of the loss with respect to them. Then it computes each part
    again, with the same dropout and masks, and backpropagates the part's share of this gradient.

    Args:
        forward: inputs, lengths -> predictions (batch, 3).
        batch: the batch and its parts.
        key: seed of the dropout and masks of this step.

    Returns:
        The loss.
    """
    if len(batch.parts) == 1:
        seed_everything(*key, 0)
        loss = ccc_loss(forward(*batch.parts[0]), batch.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

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
    return loss.item()


def evaluate_epoch(learner: Learner, journal: TrainerState) -> LogRow:
    """Return the row of the training log for the finished epoch: its mean loss and the dev CCCs."""
    learner.module.eval()
    predictions = learner.predict_dev()  # (dev utterances, 3)
    if not np.isfinite(predictions).all():
        raise _not_finite(journal, [])
    arousal, dominance, valence = (float(each) for each in cccs(learner.dev.targets.T, predictions.T))
    mean = (arousal + dominance + valence) / len(DIMENSIONS)
    loss = journal.loss_sum / len(learner.train.inputs)
    best = mean > max((row["dev_mean"] for row in journal.rows), default=-np.inf)
    row = LogRow(
        epoch=journal.epoch, loss=loss, dev_arousal=arousal, dev_dominance=dominance, dev_valence=valence, dev_mean=mean
    )
    log_line(f"{_format_epoch(row)}{', the best so far' if best else ''}")
    return row


def _format_epoch(row: LogRow) -> str:
    return (
        f"epoch {row['epoch']}: loss {row['loss']:.3f}, dev CCC arousal {row['dev_arousal']:.3f}, "
        f"dominance {row['dev_dominance']:.3f}, valence {row['dev_valence']:.3f}, mean {row['dev_mean']:.3f}"
    )


def _finished(recipe: Recipe, journal: TrainerState) -> bool:
    patient = recipe.patience is None or journal.epoch - 1 - journal.best_epoch < recipe.patience
    return journal.epoch > recipe.epochs or not patient


def _not_finite(journal: TrainerState, ids: list[str]) -> UserError:
    return UserError(
        f"the predictions are not finite in epoch {journal.epoch}, step {journal.step + 1}",
        ids,
        "Lower the learning rate, or set `precision: fp32`. If it is the first step, check these utterances.",
    )


@contextmanager
def _reproducible(recipe: Recipe) -> Iterator[None]:
    """Set the recipe's threads, and deterministic kernels on a CPU or if the recipe requires them; restore at exit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        with precision.deterministic_kernels(recipe.deterministic), precision.products_of(recipe.precision):
            yield
    finally:
        torch.set_num_threads(threads)


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
            remedy="Set `micro_batch_size` to 8 or less (the gradients stay those of the whole batch), "
            "`activation_checkpointing: true`, or `max_duration_s`.",
        ) from error


class StepLogger:
    """Log lines during an epoch."""

    def __init__(self, recipe: Recipe, journal: TrainerState, steps: int) -> None:
        self._journal, self._first, self._steps, self._epochs = journal, journal.step, steps, recipe.epochs
        self._utterances = 0
        self._start = self._last = time.monotonic()
        if journal.step:
            log_line(f"resuming in epoch {journal.epoch}, after step {journal.step} of {steps}")

    def step(self, loss: float, utterances: int) -> None:
        """Log the progress every few seconds."""
        now = time.monotonic()
        self._utterances += utterances
        if now - self._last < LINE_EVERY_S:
            return
        self._last = now
        epoch, step, spent_s = self._journal.epoch, self._journal.step, now - self._start
        left = self._steps * (self._epochs - epoch + 1) - step
        log_line(
            f"epoch {epoch} of {self._epochs}, step {step} of {self._steps}, loss {loss:.3f}, "
            f"{self._utterances / spent_s:.1f} utterances/s, {left * spent_s / (step - self._first):.0f} s left"
        )


def _write_log(
    folder: Path, training: Training, journal: TrainerState, checksums: dict[str, str], started: float
) -> None:
    """Write ``training.csv`` and ``run.json``."""
    rows = pd.DataFrame([dict(row) for row in journal.rows])
    write_csv(folder / "training.csv", rows.assign(best=rows["epoch"] == journal.best_epoch))
    record = provenance.run_record(json.loads(to_json(training)), started=started)
    write_json(
        folder / "run.json",
        record
        | {
            "inputs": checksums,
            "best_epoch": journal.best_epoch,
            "epochs": len(journal.rows),
            "resumes": journal.resumes,
            "train_s": round(journal.train_s, 3),
            "audio_s": round(journal.audio_s, 3),
            "audio_s_per_s": round(journal.audio_s / max(journal.train_s, 1e-9), 1),
            "device": str(precision.device()),
            "precision": str(precision.resolve(training.recipe.precision)).removeprefix("torch."),
        },
    )
