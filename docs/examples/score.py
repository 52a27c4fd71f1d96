"""Score recordings, and print the most negative one: ``python score.py RECORDINGS [MODEL]``."""

import sys
from pathlib import Path

import soundfile

from valence_gap import load_model

recordings, *folder = sys.argv[1:]
model = load_model(*folder)  # without a folder: the released model
files = sorted(Path(recordings).glob("*.wav"))
scores = {file: model.predict(*soundfile.read(file)) for file in files}
lowest = min(files, key=lambda file: scores[file].valence)
print(f"lowest valence: {lowest}, {scores[lowest].valence:.2f}")
