"""The encoder of wav2vec 2.0 and HuBERT (Baevski et al. 2020, Hsu et al. 2021), the backbones of the paper's models.

It computes the same function as ``Wav2Vec2Model`` and ``HubertModel`` of transformers and uses the same weight names.
So it reads and writes folders in their format. It differs in four points:

- Its input is the output of the stem, with the number of valid frames of each row.
- Under autocast, the residual sums between the layers stay in float32.
- Its matrix products have forms that are fast on a CPU.
- Its import takes a few seconds less. This matters because a study has hundreds of jobs.
"""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.layers.activations import ACTIVATIONS
from valence_gap.models.layers.attention import attend, dropout
from valence_gap.models.layers.grouped import convolve_groups
from valence_gap.models.layers.layer_graphs import LayerGraphs, shapes_that_fit
from valence_gap.models.layers.masks import is_padded, valid_mask
from valence_gap.models.layers.packed_attention import attend_packed, is_packed
from valence_gap.models.layers.packing import Packing, filled_shape, packing_of
from valence_gap.models.layers.spec_augment import mask_spans
from valence_gap.runtime.precision import product_dtype
from valence_gap.runtime.transfers import sent


class SpeechEncoder(nn.Module):
    """Projection, SpecAugment in training, positional convolution, transformer.

    Attributes:
        config: its configuration.
        feature_extractor: the weights of the convolutional stem; ``Stem`` computes its output.
        activation_checkpointing: recompute activations in the backward pass to save memory.

    Args:
        config: its configuration. The weights are drawn from PyTorch's generator, as in transformers.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_extractor = _Stem(config)
        self.feature_projection = _Projection(config)
        if config.has_mask_embedding:
            self.masked_spec_embed = nn.Parameter(torch.empty(config.hidden_size).uniform_())
        self.encoder = _Transformer(config)
        self.activation_checkpointing = False
        self._initialise()

    def activation_checkpointing_enable(self, settings: object = None) -> None:
        """Recompute activations in the backward pass; the method has the same name in transformers."""
        self.activation_checkpointing = True

    def capture_graphs(self, lengths: Sequence[Tensor], memory: float) -> None:
        """Capture CUDA graphs of the layers for the shapes that several batches have; without packed frames, none.

        Call it in the context of autocast of the training, while no other thread uses the GPU; a second call does
        nothing. With the graphs, a batch must be computed as a whole: a backward pass overwrites the gradients of the
        one before it.

        Args:
            lengths: number of valid frames of each row, int64 (batch,), of each batch.
            memory: bytes of the GPU for all graphs.
        """
        layers = self.encoder.layers
        weights = list(layers.parameters())
        if self.encoder.graphs is not None or not weights or not is_packed(weights[0].device, self._head_width):
            return
        self.encoder.graphs = LayerGraphs(layers, self.config.hidden_size)
        several = [shape for shape, batches in Counter(map(filled_shape, lengths)).items() if batches > 1]
        count = sum(weight.numel() for weight in weights)
        self.encoder.graphs.capture(shapes_that_fit(several, len(layers), self.config.hidden_size, count, memory))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the states of the last layer. Padding does not change them.

        Args:
            features: (batch, frames, channels), output of the stem.
            lengths: int64 (batch,), number of valid frames of each row; on the CPU, or the host waits for the GPU.

        Returns:
            float32 (batch, frames, hidden), and the mask of the valid frames, bool (batch, frames).
        """
        mask = valid_mask(lengths, features.shape[1], features.device)
        states = self.feature_projection(features).float()
        if self.training and self.config.apply_spec_augment:
            states = self._masked(states, lengths)
        padding = mask if is_padded(lengths, features.shape[1]) else None
        packing = None
        if is_packed(states.device, self._head_width):
            packing = packing_of(lengths.cpu(), features.shape[1], states.device, filled=self.training)
        return self.encoder(states, padding, packing, self.activation_checkpointing), mask

    @property
    def _head_width(self) -> int:
        return self.config.hidden_size // self.config.num_attention_heads

    def _masked(self, states: Tensor, lengths: Tensor) -> Tensor:
        config = self.config
        batch, frames, hidden = states.shape
        if config.mask_time_prob > 0:
            time = mask_spans(
                lengths,
                frames,
                mask_prob=config.mask_time_prob,
                mask_length=config.mask_time_length,
                min_masks=config.mask_time_min_masks,
            )
            states = torch.where(sent(time, states.device)[..., None], self.masked_spec_embed, states)
        if config.mask_feature_prob > 0:
            units = mask_spans(
                torch.full((batch,), hidden),
                hidden,
                mask_prob=config.mask_feature_prob,
                mask_length=config.mask_feature_length,
                min_masks=config.mask_feature_min_masks,
            )
            states = states.masked_fill(sent(units, states.device)[:, None], 0)
        return states

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw the initial weights as transformers does; the positional convolution keeps those of PyTorch."""
        hubert = self.config.model_type == "hubert"
        positional = self.encoder.pos_conv_embed.conv
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=self.config.initializer_range)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv1d) and module is not positional:
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None and hubert:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(cast(Tensor, positional.bias))
        if not hubert:
            projection = self.feature_projection.projection
            bound = projection.in_features**-0.5
            nn.init.uniform_(projection.weight, -bound, bound)
            nn.init.uniform_(projection.bias, -bound, bound)


class _Stem(nn.Module):
    """The layers of the convolutional stem."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(_StemLayer(config, number) for number in range(len(config.conv_dim)))


class _StemLayer(nn.Module):
    """One layer of the stem: convolution, normalisation and activation."""

    def __init__(self, config: EncoderConfig, number: int) -> None:
        super().__init__()
        before, after = [1, *config.conv_dim][number : number + 2]
        kernel, stride = config.conv_kernel[number], config.conv_stride[number]
        self.conv = nn.Conv1d(before, after, kernel, stride=stride, bias=config.conv_bias)
        if config.feat_extract_norm == "layer":
            self.layer_norm: nn.Module = nn.LayerNorm(after)
        elif number == 0:
            self.layer_norm = nn.GroupNorm(after, after)
        self.activation = ACTIVATIONS[config.feat_extract_activation]


class _Projection(nn.Module):
    """Maps the channels of the stem to the width of the transformer."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        channels = config.conv_dim[-1]
        self.layer_norm = nn.LayerNorm(channels, eps=config.layer_norm_eps) if config.feat_proj_layer_norm else None
        self.projection = nn.Linear(channels, config.hidden_size)
        self.rate = config.feat_proj_dropout

    def forward(self, features: Tensor) -> Tensor:
        normed = features if self.layer_norm is None else self.layer_norm(features)
        return dropout(self.projection(normed), self.rate if self.training else 0)


class _PositionalConvolution(nn.Module):
    """The positional embedding: it gives the transformer the order of the frames."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, kernel, groups = config.hidden_size, config.num_conv_pos_embeddings, config.num_conv_pos_embedding_groups
        convolution = nn.Conv1d(width, width, kernel, groups=groups)
        self.conv = cast(nn.Conv1d, nn.utils.parametrizations.weight_norm(convolution, dim=2))
        self.activation = ACTIVATIONS[config.feat_extract_activation]

    def forward(self, states: Tensor) -> Tensor:
        dtype = product_dtype(states.device)
        bias = cast(Tensor, self.conv.bias).to(dtype)
        return self.activation(convolve_groups(states.to(dtype), self.conv.weight.to(dtype), bias, self.conv.groups))


class _Transformer(nn.Module):
    """Positional convolution and layers; the convolution reads zeros for padding, and attention ignores padding.

    With a packing, the layers compute valid frames only, and the result has zeros for padding.

    Attributes:
        graphs: computes the layers in training, for packings of the shapes that it has captured.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.pos_conv_embed = _PositionalConvolution(config)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.graphs: LayerGraphs | None = None

    def forward(self, states: Tensor, mask: Tensor | None, packing: Packing | None, checkpointing: bool) -> Tensor:
        config, shape = self.config, states.shape
        if mask is not None:
            states = states.masked_fill(~mask[..., None], 0)
        states = states + self.pos_conv_embed(states)
        if not config.do_stable_layer_norm:
            states = self.layer_norm(states)
        states = dropout(states, config.hidden_dropout if self.training else 0)
        valid = mask if packing is None else packing
        if packing is not None:
            states = packing.pack(states)
        learning = self.training and torch.is_grad_enabled()
        if learning and packing is not None and self.graphs is not None and packing in self.graphs:
            kept = [number for number in range(len(self.layers)) if not self._is_dropped()]
            states = self.graphs(states, packing, kept)
        else:
            states = self._through_layers(states, valid, checkpointing and learning)
        if config.do_stable_layer_norm:
            states = self.layer_norm(states)
        return states if packing is None else packing.unpack(states, shape)

    def _through_layers(self, states: Tensor, valid: Tensor | Packing | None, checkpointing: bool) -> Tensor:
        for layer in self.layers:
            if self._is_dropped():
                continue
            if checkpointing:
                states = cast(Tensor, checkpoint(layer, states, valid, use_reentrant=False))
            else:
                states = layer(states, valid)
        return states

    def _is_dropped(self) -> bool:
        """Draw whether the next layer is left out."""
        return self.training and self.config.layerdrop > 0 and float(torch.rand(())) < self.config.layerdrop


class _Layer(nn.Module):
    """Attention and feed-forward block, each with a residual connection; layer normalisation before or after each."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = _FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.rate = config.hidden_dropout
        self.normed_before = config.do_stable_layer_norm

    def forward(self, states: Tensor, valid: Tensor | Packing | None) -> Tensor:
        """Float32 (batch, frames, hidden) in and out, with the mask of valid frames; or (capacity, hidden), packed."""
        rate = self.rate if self.training else 0
        if self.normed_before:
            states = states + dropout(self.attention(self.layer_norm(states), valid), rate)
            return states + dropout(self.feed_forward(self.final_layer_norm(states)), rate)
        states = self.layer_norm(states + dropout(self.attention(states, valid), rate))
        return cast(Tensor, self.final_layer_norm(states + dropout(self.feed_forward(states), rate)))


class _Attention(nn.Module):
    """Self-attention with several heads."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.heads, self.rate = config.num_attention_heads, config.attention_dropout

    def forward(self, states: Tensor, valid: Tensor | Packing | None) -> Tensor:
        rate = self.rate if self.training else 0
        parts = (self.q_proj, self.k_proj, self.v_proj)
        weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        joint = F.linear(states, weight, bias).view(*states.shape[:-1], 3, self.heads, -1)
        if isinstance(valid, Packing):
            query, key, value = joint.unbind(1)
            attended = attend_packed(query, key, value, valid.starts, valid.longest, rate)
            return cast(Tensor, self.out_proj(attended.reshape(states.shape)))
        query, key, value = joint.permute(2, 0, 3, 1, 4).unbind()
        attn_output = attend(query, key, value, valid, rate)
        return cast(Tensor, self.out_proj(attn_output.transpose(1, 2).reshape(states.shape)))


class _FeedForward(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.output_dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.rate = config.activation_dropout

    def forward(self, states: Tensor) -> Tensor:
        inside = dropout(self.activation(self.intermediate_dense(states)), self.rate if self.training else 0)
        return cast(Tensor, self.output_dense(inside))
