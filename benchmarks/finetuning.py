"""Fine-tuning from wav files to a saved model: this project, and ``Trainer`` of transformers as its users write it.

Both train one epoch, evaluate the same development set at its end and save the model. This project first packs the
audio and computes the stem's output; the time of the latter, which a training of several epochs needs once, is divided
by the epochs of the recipe. Trainer computes the stem in every step, as it does for its users.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from bench_setup import Setup, flop, training
from side_by_side import Check, Outcome
from transformers import Trainer, TrainingArguments
from transformers_model import DynamicPadding, EmotionModel, Speech, feature_extractor

from valence_gap import cli
from valence_gap.audio.packs import read_indexed
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.models import Recipe
from valence_gap.definitions.values import to_json
from valence_gap.models import loading
from valence_gap.prediction.inputs import FEATURES, pad
from valence_gap.runtime import precision as number_format
from valence_gap.training.batching import epoch_batches
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.examples import Examples
from valence_gap.training.learners import TrainingSplit, build_learner
from valence_gap.training.optimizers import build_optimizer
from valence_gap.training.seeding import seed_everything
from valence_gap.training.train import training_steps

SPLITS = ("train", "dev")
CHECKED_STEPS = 20
LIMIT = 1e-4
CHECKED_RATE = 1e-6  # at the rate of the recipe, a base network of random weights soon predicts a constant
LEAST_RANGE = 0.01  # losses that are all the same would hide a difference
SPREAD_BY = 16  # utterances
FLOP_PASSES = 3  # forward and backward


def run(side: str, precision: str, setup: Setup) -> Outcome:
    """Train one epoch and return what it took."""
    parts = _ours(precision, setup) if side == "valence-gap" else _trainer(side, precision, setup)
    charged = parts["packing"] + parts["stem"] / Recipe().epochs if "stem" in parts else 0.0
    operations = flop(setup, "train", encoder=FLOP_PASSES, stem=0)
    return Outcome(charged + parts["training"], float(setup.durations_s("train").sum()), operations, parts)


def check(setup: Setup) -> Check:
    """Train the same batches on both sides in float32 without dropout, and compare the loss of each step."""
    ours = _losses_here(setup)
    theirs = _losses_of_trainer(setup, len(ours))
    later = ours[len(ours) // 2 :]
    varied = max(later) - min(later) > LEAST_RANGE
    value = max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) if varied else float("inf")
    print(f"losses: {', '.join(f'{each:.4f}' for each in ours)}", file=sys.stderr)
    return Check("a", f"losses of the first {len(ours)} float32 steps", value, LIMIT)


def _ours(precision: str, setup: Setup) -> dict[str, float]:
    """Seconds of each part, and of the steps within the training."""
    packing = _timed(lambda: [_pack(setup, split) for split in SPLITS])
    stem = _timed(lambda: [_features(setup, split, precision) for split in SPLITS])
    folder, out = setup.folder, setup.scratch
    arguments = ["train", "--training", to_json(training(setup, precision)), "--backbone", str(folder / "backbone")]
    for split in SPLITS:
        arguments += [f"--{split}-features", str(out / f"features-{split}")]
        arguments += [f"--{split}-labels", str(folder / f"{split}-labels.parquet")]
    arguments += ["--train-utterances", str(folder / "train.parquet"), "--scratch", str(out / "state")]
    whole = _timed(lambda: _command([*arguments, "--output", str(out / "model")]))
    steps = json.loads((out / "model" / "run.json").read_text())["train_s"]
    return {"packing": packing, "stem": stem, "training": whole, "steps": steps}


def _pack(setup: Setup, split: str) -> None:
    corpus = Corpus(adapter="table", label="benchmark", splits={split: split})
    given = ["--utterances", str(setup.folder / f"{split}.parquet"), "--root", str(setup.folder / "wav" / split)]
    given += ["--corpus", to_json(corpus), "--workers", str(setup.threads)]
    _command(["pack-audio", *given, "--output", str(setup.scratch / f"pack-{split}")])


def _features(setup: Setup, split: str, precision: str) -> None:
    out, stored = setup.scratch, {"fp32": "float32", "bf16": "bfloat16"}[precision]
    given = ["--backbone", str(setup.folder / "backbone"), "--audio", str(out / f"pack-{split}")]
    given += ["--format", stored, "--threads", str(setup.threads)]
    _command(["extract-features", *given, "--output", str(out / f"features-{split}")])


def _command(arguments: list[str]) -> None:
    """Run a sub-command of this project in this process.

    Raises:
        RuntimeError: it fails.
    """
    if status := cli.main(arguments):
        raise RuntimeError(f"valence-gap {arguments[0]} ended with {status}")


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _trainer(side: str, precision: str, setup: Setup) -> dict[str, float]:
    torch.set_num_threads(setup.threads)
    started = time.perf_counter()
    strategy = "group_by_length" if side.endswith("grouped by length") else "random"
    trainer = _new_trainer(
        Trainer, setup, setup.folder / "backbone", eval_strategy="epoch", train_sampling_strategy=strategy,
        bf16=precision == "bf16",
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(setup.scratch / "trainer-model"))
    return {"training": time.perf_counter() - started}


def _new_trainer(kind: type[Trainer], setup: Setup, model: Path, **settings: Any) -> Trainer:
    """A Trainer with the learning rate, schedule and optimiser of the recipe."""
    extractor = feature_extractor()
    network = EmotionModel.from_pretrained(model, dtype=torch.float32)
    network.wav2vec2.feature_extractor._freeze_parameters()
    recipe = Recipe()
    settings.setdefault("learning_rate", recipe.learning_rate)
    arguments = TrainingArguments(
        output_dir=str(setup.scratch / "trainer"),
        per_device_train_batch_size=setup.batch_size,
        per_device_eval_batch_size=setup.batch_size,
        num_train_epochs=1,
        lr_scheduler_type="constant",
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.gradient_norm or 0.0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=0,
        **settings,
    )
    train, dev = (Speech(setup.files(split), setup.labels(split)) for split in SPLITS)
    return kind(
        model=network, args=arguments, train_dataset=train, eval_dataset=dev, processing_class=extractor,
        data_collator=DynamicPadding(extractor),
    )  # fmt: skip


def _losses_here(setup: Setup) -> list[float]:
    """Losses of the first steps of this project's training loop; the untrained model is saved for the other side."""
    _prepare_check(setup)
    defined = training(setup, "fp32", head_dropout=0.0, learning_rate=CHECKED_RATE)
    splits = [
        TrainingSplit(setup.folder / f"{split}-labels.parquet", setup.scratch / f"features-{split}") for split in SPLITS
    ]
    device = torch.device("cpu")
    with number_format.cpu_threads(setup.threads), number_format.deterministic_kernels(True):
        seed_everything(defined.seed)
        model = loading.build(defined, setup.folder / "no-dropout")
        learner = build_learner(defined, model, *splits, setup.folder / "train.parquet", device)
        _spread(model, learner.train)
        model.save(setup.scratch / "untrained")
        trained = [each for each in learner.module.parameters() if each.requires_grad]
        journal, losses, before = TrainerState(), [], 0.0
        batches = _first_batches(setup)
        steps = training_steps(defined, learner, build_optimizer(defined.recipe, trained), journal, device)
        for rows, _ in zip(batches, steps, strict=False):
            losses.append((journal.loss_sum - before) / len(rows))
            before = journal.loss_sum
    return losses


def _spread(model: Any, examples: Examples) -> None:
    """Scale the last layer of a random head, so that predictions spread like labels.

    Otherwise all predictions of a batch are nearly equal, its CCC is nearly 0, and every loss is 1 on both sides.
    """
    inputs, lengths = pad([examples.inputs[row] for row in range(min(SPREAD_BY, len(examples.inputs)))])
    model.eval()
    last = model.head.out_proj
    with torch.no_grad():
        predictions = model(inputs, lengths).predictions
        scale = torch.from_numpy(examples.targets.std(axis=0)) / predictions.std(dim=0)
        last.bias.copy_((last.bias - predictions.mean(dim=0)) * scale + 0.5)
        last.weight.mul_(scale[:, None])


def _prepare_check(setup: Setup) -> None:
    for split in SPLITS:
        _pack(setup, split)
        _features(setup, split, "fp32")


def _first_batches(setup: Setup) -> list[list[int]]:
    """Rows of the first batches of this project's first epoch."""
    frames = read_indexed(setup.scratch / "features-train", FEATURES, "frames", "has no features")[2]
    batches = epoch_batches(frames, setup.batch_size, seed=0, epoch=1)
    return [[int(row) for row in rows] for rows in batches[:CHECKED_STEPS]]


class _GivenBatches(torch.utils.data.Sampler):  # type: ignore[type-arg]
    """Yields batches that were chosen before."""

    def __init__(self, batches: list[list[int]]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)


class _OurBatches(Trainer):
    """Trainer with given batches, which keeps the loss of each step."""

    batches: list[list[int]]
    losses: list[float]

    def get_train_dataloader(self) -> Any:
        """A loader of the given batches."""
        sampler = _GivenBatches(self.batches)
        return torch.utils.data.DataLoader(self.train_dataset, batch_sampler=sampler, collate_fn=self.data_collator)

    def training_step(self, *given: Any, **settings: Any) -> Any:
        """One step."""
        loss = super().training_step(*given, **settings)
        self.losses.append(float(loss))
        return loss


def _losses_of_trainer(setup: Setup, steps: int) -> list[float]:
    torch.set_num_threads(setup.threads)
    trainer = _new_trainer(_OurBatches, setup, setup.scratch / "untrained", max_steps=steps, learning_rate=CHECKED_RATE)
    trainer.batches, trainer.losses = _first_batches(setup)[:steps], []
    trainer.train()
    return trainer.losses
