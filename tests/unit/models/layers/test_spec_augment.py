import torch
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.models.layers.spec_augment import spans


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    share=st.floats(0, 1),
    span=st.integers(1, 12),
    least=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_spans_are_whole_and_inside_the_valid_places(lengths, share, span, least, seed):
    torch.manual_seed(seed)
    masked = spans(torch.tensor(lengths), 60, share=share, span=span, least=least)
    assert masked.shape == (len(lengths), 60)
    for row, length in zip(masked, lengths, strict=True):
        assert not row[length:].any()
        edges = torch.diff(row.int(), prepend=torch.zeros(1), append=torch.zeros(1)).nonzero()[:, 0]
        runs = edges[1::2] - edges[::2]
        assert (runs >= span).all()
        assert int(row.sum()) <= span * max(least, int(share * length / span) + 1)
        if length >= span and least:
            assert row.any()


def test_the_share_is_met_on_average_without_overlaps():
    torch.manual_seed(0)
    lengths = torch.full((500,), 200)
    drawn = torch.cat([spans(lengths, 200, share=0.0375, span=5, least=0) for _ in range(20)])
    counts = drawn.sum(dim=1) / 5  # 1.5 spans of five in each: as many with one as with two
    assert abs(float(counts.mean()) - 1.5) < 0.15
    assert float(drawn[:, 50:150].float().mean(dim=0).std()) < 0.01  # none is likelier than another


def test_draws_follow_the_generator():
    lengths = torch.tensor([40, 30])
    torch.manual_seed(1)
    first = spans(lengths, 40, share=0.5, span=4, least=2)
    second = spans(lengths, 40, share=0.5, span=4, least=2)
    torch.manual_seed(1)
    assert torch.equal(first, spans(lengths, 40, share=0.5, span=4, least=2))
    assert not torch.equal(first, second)
