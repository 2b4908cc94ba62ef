"""From the plan to Snakemake's rules: files, parameters, layouts, resources and targets of every job."""
