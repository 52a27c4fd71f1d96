import torch
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.models.layers.spec_augment import mask_spans, masked_stripes


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    mask_prob=st.floats(0, 1),
    mask_length=st.integers(1, 12),
    min_masks=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_spans_are_whole_and_inside_the_valid_places(lengths, mask_prob, mask_length, min_masks, seed):
    torch.manual_seed(seed)
    masked = mask_spans(torch.tensor(lengths), 60, mask_prob=mask_prob, mask_length=mask_length, min_masks=min_masks)
    assert masked.shape == (len(lengths), 60)
    for row, length in zip(masked, lengths, strict=True):
        assert not row[length:].any()
        edges = torch.diff(row.int(), prepend=torch.zeros(1), append=torch.zeros(1)).nonzero()[:, 0]
        runs = edges[1::2] - edges[::2]
        assert (runs >= mask_length).all()
        assert int(row.sum()) <= mask_length * max(min_masks, int(mask_prob * length / mask_length) + 1)
        if length >= mask_length and min_masks:
            assert row.any()


def test_the_average_share_is_correct_without_overlaps():
    torch.manual_seed(0)
    lengths = torch.full((500,), 200)
    drawn = torch.cat([mask_spans(lengths, 200, mask_prob=0.0375, mask_length=5, min_masks=0) for _ in range(20)])
    counts = drawn.sum(dim=1) / 5  # 1.5 spans of five in each row: one half of the rows has one span, the other two
    assert abs(float(counts.mean()) - 1.5) < 0.15
    assert float(drawn[:, 50:150].float().mean(dim=0).std()) < 0.01  # all positions are equally likely


def test_draws_depend_on_the_generator():
    lengths = torch.tensor([40, 30])
    torch.manual_seed(1)
    first = mask_spans(lengths, 40, mask_prob=0.5, mask_length=4, min_masks=2)
    second = mask_spans(lengths, 40, mask_prob=0.5, mask_length=4, min_masks=2)
    torch.manual_seed(1)
    assert torch.equal(first, mask_spans(lengths, 40, mask_prob=0.5, mask_length=4, min_masks=2))
    assert not torch.equal(first, second)


def test_stripes_of_a_spectrogram_stay_within_their_limits():
    lengths = torch.tensor([200, 40, 9])
    torch.manual_seed(3)
    drawn = torch.stack([masked_stripes(lengths, (200, 64), 0.02) for _ in range(300)])
    in_time, in_frequency = drawn.all(dim=3).sum(dim=2), drawn.all(dim=2).sum(dim=2)
    assert drawn.shape == (300, 3, 200, 64)
    assert bool((in_time.amax(dim=0) <= 2 * torch.tensor([32, 10, 2])).all())
    assert int(in_frequency[:, 0].max()) <= 16
    # Two stripes, each half of its limit on average, less the overlap.
    assert 24 < float(in_time[:, 0].float().mean()) < 32
    assert 6 < float(in_frequency[:, 0].float().mean()) < 8
    assert not drawn[:, 1, 40:].all(dim=2).any()
    assert int(in_time[:, 2].min()) == 0


def test_stripes_are_those_of_the_generator():
    lengths = torch.tensor([50, 30])
    torch.manual_seed(4)
    first = masked_stripes(lengths, (50, 16), 0.02)
    assert not torch.equal(first, masked_stripes(lengths, (50, 16), 0.02))
    torch.manual_seed(4)
    assert torch.equal(first, masked_stripes(lengths, (50, 16), 0.02))
