valence-gap fetch-checkpoint --name released --output released --definition '{
    "source": "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim",
    "revision": "6eba34a2485ea31cb03600241787c3a5edab8626"}' \
  --sha256 model.safetensors=efa5ac1a13b2d2f42182738e44794b1eb4c0cdd221a8b4ae11304c3a5f5fae95
