import pytest
import torch
from released import EmotionModel, HubertEmotionModel
from small_models import configuration, inputs_of, make_backbone, training, waveforms

from valence_gap.models import loading


@pytest.mark.parametrize(("kind", "card"), [("wav2vec2", EmotionModel), ("hubert", HubertEmotionModel)])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_the_model_cards_class_loads_what_is_saved(tmp_path, kind, card, norm):
    make_backbone(tmp_path / "backbone", kind, norm)
    model = loading.build(training(train_stem=True, layers=2, head_dropout=0.25), tmp_path / "backbone").eval()
    model.save(tmp_path / "model")
    released, report = card.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert released.classifier.dropout.p == 0.25
    assert released.config.id2label == {0: "arousal", 1: "dominance", 2: "valence"}
    with torch.no_grad():
        output = model(*inputs_of(model))
        for row, waveform in enumerate(waveforms()):
            pooled, predictions = released.eval()(waveform[None])
            assert torch.allclose(output.pooled[row], pooled[0], atol=1e-4)
            assert torch.allclose(output.predictions[row], predictions[0], atol=1e-4)


def test_the_released_layout_is_loaded(tmp_path):
    torch.manual_seed(0)
    released = EmotionModel(configuration("wav2vec2", "layer", stable=True, num_labels=3)).eval()
    released.save_pretrained(tmp_path)
    model = loading.load(tmp_path)
    with torch.no_grad():
        predictions = model(*inputs_of(model)).predictions
        for row, waveform in enumerate(waveforms()):
            assert torch.allclose(predictions[row], released(waveform[None])[1][0], atol=0.02)  # our stem is rounded
