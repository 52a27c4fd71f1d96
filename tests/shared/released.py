"""The layout of the authors' released model, written from its model card."""

import torch
from torch import nn
from transformers import HubertModel, HubertPreTrainedModel, Wav2Vec2Model, Wav2Vec2PreTrainedModel


class RegressionHead(nn.Module):
    """Written from the model card of the authors' released model, as EmotionModel below."""

    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.final_dropout)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, features):
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(features)))))


class EmotionModel(Wav2Vec2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = RegressionHead(config)
        self.post_init()

    def forward(self, input_values):
        pooled = torch.mean(self.wav2vec2(input_values)[0], dim=1)
        return pooled, self.classifier(pooled)


class HubertEmotionModel(HubertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.hubert = HubertModel(config)
        self.classifier = RegressionHead(config)
        self.post_init()

    def forward(self, input_values):
        pooled = torch.mean(self.hubert(input_values)[0], dim=1)
        return pooled, self.classifier(pooled)
