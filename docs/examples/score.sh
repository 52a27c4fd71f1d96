# MODEL is the folder of a finished model; recordings/ contains audio files.
valence-gap predict recordings --model "$MODEL" --output scores.csv
valence-gap predict recordings/interview.wav --model "$MODEL" --chunk-s 5 --per-chunk
