"""The configuration of a wav2vec 2.0 or HuBERT encoder, as in ``config.json``."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

Activation = Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish"]


class EncoderConfig(BaseModel):
    """Configuration of an encoder, with the key names of transformers; keys that are not used here are kept.

    The defaults are those of transformers, because transformers does not write default values to its files.

    Attributes:
        model_type: ``wav2vec2`` or ``hubert``.
        hidden_size: width of the states.
        num_hidden_layers: transformer layers.
        num_attention_heads: attention heads of each layer.
        intermediate_size: width inside the feed-forward layers.
        hidden_act: activation of the feed-forward layers.
        hidden_dropout: probability of dropout after each block of a layer, and before the first layer.
        activation_dropout: probability of dropout inside the feed-forward layers.
        attention_dropout: probability of dropout of the attention weights.
        feat_proj_dropout: probability of dropout after the projection.
        final_dropout: probability of dropout in a head.
        layerdrop: probability that a training step skips a layer.
        initializer_range: standard deviation of the initial weights of linear layers.
        layer_norm_eps: added to the variance in layer normalisation.
        feat_extract_norm: normalisation in the stem: ``group`` in the first layer only, or ``layer`` in all layers.
        feat_extract_activation: activation of the stem and of the positional convolution.
        conv_dim: channels of the stem's layers.
        conv_stride: strides of the stem's layers.
        conv_kernel: kernel sizes of the stem's layers.
        conv_bias: whether the stem's convolutions have biases.
        num_conv_pos_embeddings: kernel size of the positional convolution in frames.
        num_conv_pos_embedding_groups: groups of the positional convolution.
        do_stable_layer_norm: normalise before each block of a layer instead of after it, as in the large models.
        feat_proj_layer_norm: normalise before the projection.
        apply_spec_augment: mask spans in training (SpecAugment).
        mask_time_prob: share of the frames in masked spans; overlaps count twice.
        mask_time_length: frames of a span.
        mask_time_min_masks: minimum number of spans of frames.
        mask_feature_prob: share of the hidden units in masked spans; overlaps count twice.
        mask_feature_length: hidden units of a span.
        mask_feature_min_masks: minimum number of spans of hidden units.
        id2label: names of a head's outputs.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    model_type: Literal["wav2vec2", "hubert"]
    hidden_size: PositiveInt = 768
    num_hidden_layers: NonNegativeInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    hidden_act: Activation = "gelu"
    hidden_dropout: float = Field(default=0.1, ge=0, le=1)
    activation_dropout: float = Field(default=0.1, ge=0, le=1)
    attention_dropout: float = Field(default=0.1, ge=0, le=1)
    feat_proj_dropout: float = Field(default=0.0, ge=0, le=1)
    final_dropout: float = Field(default=0.1, ge=0, le=1)
    layerdrop: float = Field(default=0.1, ge=0, le=1)
    initializer_range: float = Field(default=0.02, ge=0)
    layer_norm_eps: float = Field(default=1e-5, ge=0)
    feat_extract_norm: Literal["group", "layer"] = "group"
    feat_extract_activation: Activation = "gelu"
    conv_dim: list[PositiveInt] = [512] * 7
    conv_stride: list[PositiveInt] = [5, 2, 2, 2, 2, 2, 2]
    conv_kernel: list[PositiveInt] = [10, 3, 3, 3, 3, 2, 2]
    conv_bias: bool = False
    num_conv_pos_embeddings: PositiveInt = 128
    num_conv_pos_embedding_groups: PositiveInt = 16
    do_stable_layer_norm: bool = False
    feat_proj_layer_norm: bool = True
    apply_spec_augment: bool = True
    mask_time_prob: float = Field(default=0.05, ge=0, le=1)
    mask_time_length: PositiveInt = 10
    mask_time_min_masks: NonNegativeInt = 2
    mask_feature_prob: float = Field(default=0.0, ge=0, le=1)
    mask_feature_length: PositiveInt = 10
    mask_feature_min_masks: NonNegativeInt = 0
    id2label: dict[str, str] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.conv_dim or len({len(self.conv_dim), len(self.conv_stride), len(self.conv_kernel)}) > 1:
            raise ValueError("conv_dim, conv_stride and conv_kernel must have one value for each layer of the stem")
        for name in ("num_attention_heads", "num_conv_pos_embedding_groups"):
            if self.hidden_size % getattr(self, name):
                raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of {name} {getattr(self, name)}")
        return self

    @property
    def has_mask_embedding(self) -> bool:
        """Whether the weights contain an embedding for masked frames."""
        return self.mask_time_prob > 0 or self.mask_feature_prob > 0

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``config.json``, including defaults."""
        return self.model_dump(mode="json", exclude={"id2label"} if self.id2label is None else None)
