import pytest
import torch
from torch import nn

from valence_gap.models.hub_encoders import attention_implementation, eager_attention_forward
from valence_gap.models.layers import attention
from valence_gap.models.layers.attention import FastDropout, dropout, replace_dropout


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_keeps_the_mean(probability, dtype):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(401, 503, dtype=dtype), probability)
    values = dropped.unique().float()
    assert torch.allclose(values, torch.tensor([0, 1 / (1 - probability)]), rtol=5e-3)
    share = float((dropped == 0).float().mean())
    assert abs(share - probability) < 5 * (probability * (1 - probability) / dropped.numel()) ** 0.5 + 2e-5


def test_dropped_elements_are_independent_of_their_neighbours():
    torch.manual_seed(1)
    gone = (dropout(torch.ones(400_000), 0.5) == 0).float() - 0.5
    for lag in range(1, 9):  # four elements come from one random word
        assert abs(float((gone[lag:] * gone[:-lag]).mean()) * 4) < 0.01


def test_dropout_depends_on_the_generator_and_passes_gradients_of_kept_elements():
    states = torch.ones(10, 7, requires_grad=True)
    torch.manual_seed(3)
    first = dropout(states, 0.3)
    torch.manual_seed(3)
    assert torch.equal(first, dropout(states, 0.3))
    first.sum().backward()
    assert torch.equal(states.grad, first.detach())


def test_replace_dropout_replaces_every_dropout_and_no_weight():
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.25), nn.Sequential(nn.Dropout(0.5)))
    names = list(module.state_dict())
    replace_dropout(module)
    assert isinstance(module[1], FastDropout)
    assert module[1].p == 0.25
    assert isinstance(module[2][0], FastDropout)
    assert list(module.state_dict()) == names
    states = torch.randn(5, 2)
    assert torch.equal(module.eval()[1](states), states)


@pytest.mark.parametrize("masked", [False, True])
def test_plain_attention_is_that_of_pytorch(masked):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 6, 8)
    mask = torch.zeros(2, 1, 6, 6)
    mask[0, :, :, 4:] = torch.finfo(torch.float32).min
    mask = mask if masked else None
    found, _ = eager_attention_forward(nn.Identity(), query, key, value, mask)
    expected = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)
    assert torch.allclose(found, expected, atol=1e-6)


def test_attention_drops_weights_in_training():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 200, 8)
    value = torch.ones(1, 1, 200, 1)
    found, _ = eager_attention_forward(nn.Identity(), query, key, value, None, dropout=0.5)
    assert float(found.std()) > 0.01  # without dropout, the weights of every frame sum to one
    assert abs(float(found.mean()) - 1) < 0.1


def test_the_implementation_depends_on_the_device():
    assert attention_implementation(torch.device("cpu")) != attention_implementation(torch.device("cuda"))


@pytest.mark.parametrize("limit", [7, 30, 60, 144, 10_000])
@pytest.mark.parametrize("shape", [(1, 1, 6, 6), (3, 1, 1, 6), (3, 4, 6, 6), (1, 4, 1, 6)])
def test_attention_in_pieces_is_that_of_the_whole_batch(monkeypatch, limit, shape):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 3, 4, 6, 8)
    added = torch.randn(shape)
    whole = attention.eager_attention(query, key, value, added, scale=0.5, rate=0.0)
    sizes = []
    at_once = attention._attend_at_once

    def counted(some_queries, some_keys, *rest):
        sizes.append(some_queries[..., 0].numel() * some_keys.size(2))
        return at_once(some_queries, some_keys, *rest)

    monkeypatch.setattr(attention, "_attend_at_once", counted)
    monkeypatch.setattr(attention, "MAX_SCORES", limit)
    with torch.no_grad():
        found = attention.eager_attention(query, key, value, added, scale=0.5, rate=0.0)
    assert torch.allclose(found, whole, atol=1e-6)
    assert max(sizes) <= max(limit, 4 * 6)  # at least one frame at a time
    assert sum(sizes) == 3 * 4 * 6 * 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("heads", [4, 3])
@pytest.mark.parametrize("biased", ["no", "padding", "positions"])
def test_scores_that_are_not_kept_give_the_same_gradients(monkeypatch, dtype, heads, biased):
    torch.manual_seed(0)
    batch, frames, width = 5, 12, 8
    operands = [torch.randn(batch, heads, frames, width, dtype=dtype, requires_grad=True) for _ in range(3)]
    shapes = {"padding": (batch, 1, 1, frames), "positions": (1, heads, frames, frames)}
    added = torch.randn(shapes[biased], dtype=dtype) if biased in shapes else None
    towards = torch.randn(batch, heads, frames, width, dtype=dtype)

    def attend_to(limit, part):
        monkeypatch.setattr(attention, "MAX_KEPT_SCORES", limit)
        monkeypatch.setattr(attention, "PART_SCORES", part)
        torch.manual_seed(1)
        attended = attention.eager_attention(*operands, added, scale=0.5, rate=0.3)
        after = torch.get_rng_state()
        gradients = torch.autograd.grad(attended, operands, towards)
        assert torch.equal(torch.get_rng_state(), after)
        return attended, *gradients

    each = heads * frames * frames
    kept = attend_to(batch * each, each)
    for part in (2 * each, each):
        for one, other in zip(kept, attend_to(batch * each - 1, part), strict=True):
            assert torch.equal(one, other) if dtype == torch.bfloat16 else torch.allclose(one, other, atol=1e-6)


def test_scores_are_kept_where_a_bias_is_learnt(monkeypatch):
    monkeypatch.setattr(attention, "MAX_KEPT_SCORES", 0)
    states = torch.randn(2, 4, 6, 8, requires_grad=True)
    bias = torch.zeros(1, 4, 6, 6, requires_grad=True)
    attention.eager_attention(states, states, states, bias, scale=1.0, rate=0.0).sum().backward()
    assert bias.grad is not None
    assert bias.grad.abs().max() > 0


def test_a_training_step_keeps_no_scores_of_many_utterances(monkeypatch):
    saved = []

    def keep(tensor):
        saved.append(tensor.numel())
        return tensor

    batch, heads, frames = 4, 4, 64
    operands = [torch.randn(batch, heads, frames, 8, requires_grad=True) for _ in range(3)]
    scores = batch * heads * frames * frames
    for limit, expected in ((scores, True), (scores - 1, False)):
        saved.clear()
        monkeypatch.setattr(attention, "MAX_KEPT_SCORES", limit)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            attention.eager_attention(*operands, None, scale=1.0, rate=0.1)
        assert (max(saved) >= scores) == expected
