# recordings/ contains audio files.
valence-gap predict recordings --output scores.csv
valence-gap predict recordings/interview.wav --chunk-s 5 --per-chunk
