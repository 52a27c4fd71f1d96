"""Last hidden states of each kind of encoder, such that padding changes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from valence_gap.models.front_ends.spectrograms import WhisperLogMel
from valence_gap.models.layers.masks import valid_mask

HiddenStatesFunction = Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Encoder, its padded input, valid lengths -> states (batch, frames, hidden), and which are valid (batch, frames)."""


def wav2vec2_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Wav2vec 2.0 and HuBERT, which ``SpeechEncoder`` computes; arguments as ``transformer_states``."""
    return cast(tuple[Tensor, Tensor], backbone(features, lengths))


def transformer_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Projection, SpecAugment in training, transformer: WavLM and w2v-BERT.

    Args:
        backbone: the encoder.
        features: (batch, frames, channels).
        lengths: int64 (batch,), valid frames.
    """
    mask = valid_mask(lengths, features.shape[1], features.device)
    projected = backbone.feature_projection(features)
    projected = projected[0] if isinstance(projected, tuple) else projected
    if backbone.training and mask.shape[1] >= backbone.config.mask_time_length:
        projected = backbone._mask_hidden_states(projected, attention_mask=mask)
    # The encoder zeroes padding before its convolutions and hides it from attention; a batch without padding is spared
    # the mask.
    padding = None if bool(mask.all()) else mask
    return cast(Tensor, backbone.encoder(projected, attention_mask=padding)[0]), mask


def data2vec_states(backbone: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """As ``transformer_states``; data2vec has several positional convolutions, and padding is zeroed before each.

    The encoder zeroes it before the first alone; what that one writes into the padding would reach the utterance's end
    through the next.
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
    """Whisper's encoder, in windows of the one length that it takes (30 s), filled up with silence.

    It has no mask: it has learnt what silence looks like. Only frames of the utterance count as valid. An utterance
    that is longer than a window is cut into windows, each of which sees itself alone.

    Args:
        backbone: the encoder.
        features: (batch, frames, bins) of ``WhisperLogMel``.
        lengths: int64 (batch,), frames of each row, its tail among them.
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
