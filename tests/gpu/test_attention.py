"""Attention on a GPU builds no plan for each length."""

import pytest
import torch
from torch.nn.attention import SDPBackend

from valence_gap.runtime import precision


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_attention_is_not_the_one_that_plans(gpu: torch.device, masked: bool, rate: float) -> None:
    assert precision.device() == gpu
    states = torch.zeros(2, 16, 290, 64, dtype=torch.bfloat16, device=gpu)
    mask = torch.ones(2, 1, 1, 290, dtype=torch.bool, device=gpu) if masked else None
    chosen = torch._fused_sdp_choice(states, states, states, attn_mask=mask, dropout_p=rate)
    assert SDPBackend(chosen) != SDPBackend.CUDNN_ATTENTION
