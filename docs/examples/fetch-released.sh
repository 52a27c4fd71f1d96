valence-gap fetch-model
