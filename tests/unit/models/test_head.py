import torch

from valence_gap.models.head import RegressionHead


def test_head_is_that_of_the_model_card():
    torch.manual_seed(0)
    head = RegressionHead(5, dropout=0.5).eval()
    pooled = torch.randn(7, 5)
    hidden = torch.tanh(pooled @ head.dense.weight.T + head.dense.bias)
    expected = hidden @ head.out_proj.weight.T + head.out_proj.bias
    assert torch.allclose(head(pooled), expected, atol=1e-6)
    assert expected.shape == (7, 3)


def test_dropout_is_before_both_layers():
    torch.manual_seed(0)
    head = RegressionHead(400, dropout=0.5).train()
    seen = []
    for layer in (head.dense, head.out_proj):
        layer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    head(torch.ones(3, 400))
    assert len(seen) == 2
    for states in seen:
        assert 0.3 < (states == 0).float().mean() < 0.7


def test_head_stays_float32_under_autocast():
    torch.manual_seed(0)
    head = RegressionHead(64, dropout=0.0).eval()
    pooled = torch.randn(4, 64)
    expected = head(pooled)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head(pooled.to(torch.bfloat16).float())
        exact = head(pooled)
    assert found.dtype == torch.float32
    assert torch.equal(exact, expected)


def test_weights_are_drawn_as_in_transformers():
    torch.manual_seed(0)
    head = RegressionHead(200, dropout=0.0)
    head.initialise(0.02)
    assert abs(float(head.dense.weight.detach().std()) - 0.02) < 0.002
    assert not head.dense.bias.any()
    assert not head.out_proj.bias.any()
