"""A small encoder, and the numbers and gradients of one of its training steps, to compare forms of computing it."""

import torch

from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.wav2vec2 import SpeechEncoder

LENGTHS = torch.tensor([23, 9, 30, 1, 17])
SMALL = {
    **{"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "conv_dim": [8]},
    **{"conv_kernel": [4], "conv_stride": [2], "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2},
    **{"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0},
    **{"mask_time_prob": 0.3, "mask_time_length": 3, "mask_feature_prob": 0.2, "mask_feature_length": 2},
}


def encoder_of(**changes: object) -> SpeechEncoder:
    torch.manual_seed(0)
    encoder = SpeechEncoder(EncoderConfig.model_validate({"model_type": "wav2vec2", **SMALL, **changes}))
    with torch.no_grad():  # the positional convolution and the norms have an effect that is as large as in a model
        for name, weight in encoder.named_parameters():
            if "bias" in name or "norm" in name:
                weight.add_(torch.randn_like(weight) * 0.3)
    return encoder.train()


def computed(encoder: SpeechEncoder, lengths: torch.Tensor, garbage: float = 0.0) -> list[torch.Tensor]:
    """Mean states of each row, then the gradients of the features and of all weights, of a step with one seed.

    Args:
        encoder: computes on its device.
        lengths: valid frames of each row, on the CPU.
        garbage: value of the features in the padding.
    """
    device = encoder.masked_spec_embed.device
    torch.manual_seed(1)
    features = torch.randn(len(lengths), int(lengths.max()), 8)
    features = features.masked_fill((torch.arange(features.shape[1]) >= lengths[:, None])[..., None], garbage)
    features = features.to(device).requires_grad_()
    encoder.zero_grad()
    states, mask = encoder(features, lengths)
    means = states.masked_fill(~mask[..., None], 0).sum(dim=1) / lengths.to(device)[:, None]
    (means * torch.randn(means.shape, generator=torch.Generator().manual_seed(2)).to(device)).sum().backward()
    found = [each.grad for each in encoder.parameters() if each.grad is not None]
    assert features.grad is not None
    return [each.detach().cpu().clone() for each in (means, features.grad, *found)]
