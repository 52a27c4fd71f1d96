"""Score recordings with a finished model, and print the most negative file: ``python score.py MODEL RECORDINGS``."""

import sys
from pathlib import Path

import pandas as pd

from valence_gap.prediction.recordings import predict_files

model, recordings = map(Path, sys.argv[1:])
predict_files(model, [recordings], Path("scores.csv"))
scores = pd.read_csv("scores.csv").sort_values("valence")
print(f"lowest valence: {scores['file'].iloc[0]}, {scores['valence'].iloc[0]:.2f}")
