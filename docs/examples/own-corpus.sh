snakemake corpora --cores all --configfile my-study.yaml   # reads the table and says what is wrong with it
snakemake --cores all --configfile my-study.yaml           # trains on the train split, scores on the test split
cat results/mine/scores/hubert-b/seed-42/mine/clean.csv
snakemake export --cores all --configfile my-study.yaml    # the model with its card: results/mine/export/
