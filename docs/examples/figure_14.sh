cp docs/examples/figure_14.py src/valence_gap/figures/
cp docs/examples/figure_14.rst workflow/report/
cat docs/examples/figure_14.smk >> workflow/rules/figures.smk
snakemake --cores all --configfile docs/examples/figure_14.yaml
