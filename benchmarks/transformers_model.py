"""The model of the authors' how-to as users of transformers write it, and batches of audio for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2PreTrainedModel

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.training.losses import ccc_loss


class RegressionHead(nn.Module):
    """Dropout, linear, tanh, dropout, linear."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.final_dropout)
        self.out_proj = nn.Linear(config.hidden_size, 3)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map (batch, hidden) to (batch, 3)."""
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(pooled)))))


class EmotionModel(Wav2Vec2PreTrainedModel):
    """wav2vec 2.0, mean over the valid frames, head; with labels it also gives the CCC loss."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = RegressionHead(config)
        self.post_init()

    def forward(
        self, input_values: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Predict a padded batch (batch, samples); without a mask nothing is padding."""
        states = self.wav2vec2(input_values, attention_mask=attention_mask)[0]
        if attention_mask is None:
            pooled = states.mean(dim=1)
        else:
            mask = self._get_feature_vector_attention_mask(states.shape[1], attention_mask)[..., None]
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
        logits = self.classifier(pooled)
        if labels is None:
            return {"logits": logits}
        return {"loss": ccc_loss(logits, labels), "logits": logits}


def feature_extractor() -> Wav2Vec2FeatureExtractor:
    """The preprocessor of the paper's backbones."""
    return Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE_HZ, padding_value=0.0, do_normalize=True, return_attention_mask=True
    )


def read(path: Path) -> npt.NDArray[np.float32]:
    """The samples of a file, float32 (samples,)."""
    import soundfile  # benchmarks of a GPU read packs, and run where this package is missing

    samples: npt.NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    return samples


@dataclass(frozen=True)
class Speech(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Audio files with their labels, decoded at each access."""

    files: list[Path]
    labels: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"input_values": read(self.files[row]), "labels": self.labels[row]}


@dataclass(frozen=True)
class DynamicPadding:
    """Normalises utterances, and pads them to the longest of their batch."""

    extractor: Wav2Vec2FeatureExtractor

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Collate a batch."""
        batch = self.padded([row["input_values"] for row in rows])
        return batch | {"labels": torch.from_numpy(np.stack([row["labels"] for row in rows]))}

    def padded(self, waveforms: list[npt.NDArray[np.float32]]) -> dict[str, Tensor]:
        """``input_values`` and ``attention_mask`` of a batch."""
        found = self.extractor(waveforms, sampling_rate=SAMPLE_RATE_HZ, padding=True, return_tensors="pt")
        return {name: found[name] for name in ("input_values", "attention_mask")}
