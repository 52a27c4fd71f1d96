"""Fine-tuning by ``transformers.Trainer``, as its users write it: the stem frozen, bfloat16, four loading processes."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from gpu_material import Material
from gpu_profile import wait_for
from gpu_steps import Steps
from transformers import Trainer, TrainerCallback, TrainingArguments, Wav2Vec2Config
from transformers_model import DynamicPadding, EmotionModel, feature_extractor

from valence_gap.audio.packs import Pack, open_pack
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ

ORDERS = {"random order": "random", "by length": "group_by_length"}
LEAST_S = 8.0  # below this, its processes have hardly started
WORKERS = 4
WARM_UP, TINY_WARM_UP = 10, 2  # steps
ROUND, TINY_ROUND = 10, 2  # steps after which it may stop; by length, it sorts this number of batches together
EPOCHS = 2  # the utterances follow each other so often in one epoch, so that no process is started among the steps


@dataclass(frozen=True)
class _Utterances(torch.utils.data.Dataset):  # type: ignore[type-arg]
    pack: Pack
    labels: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return EPOCHS * len(self.pack)

    def __getitem__(self, row: int) -> dict[str, Any]:
        if row >= len(self):
            raise IndexError(row)  # ends a loop over all utterances
        row %= len(self.pack)
        return {"input_values": self.pack.read(row), "labels": self.labels[row]}


class _Counted(EmotionModel):
    """The model, which keeps the number of samples of each utterance that it is trained on."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.samples: list[torch.Tensor] = []

    def forward(
        self,
        input_values: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        if attention_mask is not None:
            self.samples.append(attention_mask.sum(dim=1))
        return super().forward(input_values, attention_mask, labels)


class _Clock(TrainerCallback):  # type: ignore[misc]
    """Takes the time after the warm-up and after each round, and stops the training when its time is over."""

    def __init__(self, device: torch.device, seconds: float, warm_up: int, rounds_of: int) -> None:
        self.marks: dict[int, float] = {}
        self._device, self._warm_up, self._rounds_of = device, warm_up, rounds_of
        self._end = time.perf_counter() + seconds

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called by Trainer."""
        after = state.global_step - self._warm_up
        if after >= 0 and after % self._rounds_of == 0:
            wait_for(self._device)
            self.marks[state.global_step] = time.perf_counter()
            if after > 0 and time.perf_counter() > self._end:  # Trainer itself sets it too, at the last step
                control.should_training_stop = True


def steps(material: Material, kind: str, order: str, device: torch.device, seconds: float) -> Steps:
    """Train for some time, in whole rounds.

    Args:
        material: the audio and the configuration of the network.
        kind: large or base.
        order: a name of ``ORDERS``.
        device: of the computation.
        seconds: after which no other round is begun.
    """
    definition = material.training(kind).recipe
    config = Wav2Vec2Config(**{k: v for k, v in material.configuration(kind).items() if k != "model_type"})
    network = _Counted(config)
    network.wav2vec2.feature_extractor._freeze_parameters()
    warm_up, rounds_of = (TINY_WARM_UP, TINY_ROUND) if material.tiny else (WARM_UP, ROUND)
    clock = _Clock(device, seconds, warm_up, rounds_of)
    extractor, audio = feature_extractor(), material.train.audio
    if audio is None:
        raise RuntimeError("there is no audio")
    labels = pd.read_parquet(material.train.labels)[list(DIMENSIONS)].to_numpy(np.float32)
    utterances = _Utterances(open_pack(audio), labels)
    trainer = Trainer(
        model=network,
        args=_arguments(material, order, device, definition, len(utterances) // definition.batch_size),
        train_dataset=utterances,
        data_collator=DynamicPadding(extractor),
        processing_class=extractor,
        callbacks=[clock],
    )
    trainer.train()
    first, last = min(clock.marks), max(clock.marks)
    used = torch.cat(network.samples[first:last]).cpu().numpy() / SAMPLE_RATE_HZ
    return Steps(last - first, last, clock.marks[last] - clock.marks[first], None, used)


def _arguments(material: Material, order: str, device: torch.device, recipe: Any, most: int) -> TrainingArguments:
    arguments: dict[str, Any] = {
        "output_dir": str(material.folder / "trainer"),
        "per_device_train_batch_size": recipe.batch_size,
        "max_steps": most,
        "learning_rate": recipe.learning_rate,
        "max_grad_norm": recipe.gradient_norm,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch_fused",
        "bf16": device.type == "cuda",
        "use_cpu": device.type == "cpu",
        "dataloader_num_workers": 0 if material.tiny else WORKERS,
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "seed": material.training("large").seed,
    }
    strategy = ORDERS[order]
    try:
        return TrainingArguments(**arguments, train_sampling_strategy=strategy)
    except TypeError:  # transformers 4
        return TrainingArguments(**arguments, group_by_length=strategy == "group_by_length")
