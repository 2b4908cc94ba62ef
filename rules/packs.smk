# Both rules start a Snakemake of their own, which exists only in the environment of this one: so they have no script.


rule pack:
    input:
        data=lambda w: PACKS.inputs(w),
    output:
        made="results/packs/{pack}.txt",
    log:
        "results/logs/packs/{pack}.log",
    threads: lambda w: PACKS.threads(w)
    params:
        contents=lambda w: PACKS.contents(w),
    message:
        "Pack {wildcards.pack}: its trainings side by side, and all that stands on them"
    run:
        PACKS.make(wildcards, threads, Path(output.made), Path(log[0]))


rule packed:
    input:
        PACKS.files(),
    log:
        "results/logs/packs/all.log",
    localrule: True
    threads: 2
    run:
        PACKS.make_rest(threads, Path(log[0]))
