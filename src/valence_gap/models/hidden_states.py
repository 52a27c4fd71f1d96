"""Last hidden states of each kind of encoder. Padding does not change them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from valence_gap.models.front_ends.spectrograms import WhisperLogMel
from valence_gap.models.layers.masks import is_padded, valid_mask

HiddenStatesFunction = Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Encoder, its padded input, valid lengths -> states (batch, frames, hidden), mask of valid ones (batch, frames)."""


def wav2vec2_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Wav2vec 2.0 and HuBERT, computed by ``SpeechEncoder``; the arguments are those of ``transformer_states``."""
    return cast(tuple[Tensor, Tensor], backbone(features, lengths))


def transformer_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Projection, SpecAugment in training, transformer: WavLM and w2v-BERT.

    Args:
        backbone: the encoder.
        features: (batch, frames, channels).
        lengths: int64 (batch,), number of valid frames of each row.
    """
    mask = valid_mask(lengths, features.shape[1], features.device)
    projected = backbone.feature_projection(features)
    projected = projected[0] if isinstance(projected, tuple) else projected
    if backbone.training and mask.shape[1] >= backbone.config.mask_time_length:
        projected = backbone._mask_hidden_states(projected, attention_mask=mask)
    # With a mask, the encoder zeroes padding before its convolutions and excludes it from attention. A batch without
    # padding needs no mask.
    padding = mask if is_padded(lengths, features.shape[1]) else None
    return cast(Tensor, backbone.encoder(projected, attention_mask=padding)[0]), mask


def data2vec_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """As ``transformer_states``, but zero padding before each of data2vec's several positional convolutions.

    The encoder itself zeroes padding only before the first one. Then the first convolution writes values into the
    padding, and the next one reads them at the end of the utterance.
    """
    mask = valid_mask(lengths, features.shape[1], features.device)
    with _zeroed(backbone.encoder.pos_conv_embed.layers, mask[:, None]):
        return transformer_states(backbone, features, lengths)


@contextmanager
def _zeroed(layers: nn.ModuleList, mask: Tensor) -> Iterator[None]:
    """Zero the input (batch, channels, frames) of each layer where ``mask`` (batch, 1, frames) is false."""
    hooks = [layer.register_forward_pre_hook(lambda _, given: (given[0].masked_fill(~mask, 0),)) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def whisper_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Whisper's encoder, on windows of the only length that it accepts (30 s), filled with silence.

    It needs no mask, because it was trained on inputs filled with silence. Only frames of the utterance count as valid.
    An utterance that is longer than a window is cut into windows, which are encoded independently.

    Args:
        backbone: the encoder.
        features: (batch, frames, bins) of ``WhisperLogMel``.
        lengths: int64 (batch,), frames of each row, including its tail (``WhisperLogMel.TAIL``).
    """
    positions = backbone.config.max_source_positions
    width = 2 * positions  # the second convolution halves the frames
    lengths = lengths.to(features.device)
    batch, frames, bins = features.shape
    count = -(-frames // width)
    mask = valid_mask(lengths, frames, features.device)[..., None]
    silence = WhisperLogMel.silence(features.masked_fill(~mask, -torch.inf).amax(dim=(1, 2)))[:, None, None]
    filled = silence.repeat(1, count * width, bins)
    filled[:, :frames] = torch.where(mask, features, silence)
    valid_lengths = (lengths - WhisperLogMel.TAIL).clamp(min=1)
    used = (torch.arange(count, device=features.device) * width < valid_lengths[:, None]).flatten()
    windows = filled.view(batch * count, width, bins)[used].transpose(1, 2)
    states = backbone(windows).last_hidden_state
    whole = states.new_zeros(batch * count, positions, states.shape[2])
    whole[used] = states
    return whole.view(batch, count * positions, -1), valid_mask(
        (valid_lengths + 1) // 2, count * positions, features.device
    )
