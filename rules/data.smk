rule download:
    input:
        held=lambda w: [storage(query) for query in GRAPH.inputs.held(w)],
    output:
        archive="results/data/{dataset}/{archive}.tar.gz",
    log:
        "results/logs/data/{dataset}/{archive}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.parameters.download(w),
        code=lambda w: GRAPH.parameters.code("download", w),
    message:
        "Fetch the archive of {wildcards.dataset}"
    script:
        "../workflow_scripts/download.py"


rule download_weights:
    output:
        weights=f"{WEIGHTS}/{{weights}}",
    log:
        f"{LOGS}/weights/{{weights}}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.parameters.download_weights(w),
        code=lambda w: GRAPH.parameters.code("download_weights", w),
    message:
        "Fetch the weights {wildcards.weights}"
    script:
        "../workflow_scripts/download_weights.py"


rule build_arrays:
    input:
        # ancient: its checksum is fixed, so a newer download has the same content.
        archive=ancient(lambda w: GRAPH.inputs.archive(w)),
    output:
        arrays=ARRAYS,
        classes=CLASSES,
    log:
        "results/logs/data/{dataset}/build_arrays.log",
    # Data lie on the machine that starts Snakemake.
    localrule: not SHARED
    conda:
        "../envs/train.yaml"
    params:
        settings=lambda w: GRAPH.parameters.source(w),
        contents=lambda w: GRAPH.parameters.contents(w),
        code=lambda w: GRAPH.parameters.code("build_arrays", w),
    message:
        "Read {wildcards.dataset} into arrays"
    script:
        "../workflow_scripts/build_arrays.py"


rule build_long_tail:
    input:
        arrays=ARRAYS,
    output:
        subset=SUBSET,
    log:
        "results/logs/data/{dataset}/{imbalance}/build_long_tail.log",
    localrule: True
    conda:
        "../envs/train.yaml"
    params:
        settings=lambda w: GRAPH.parameters.long_tail(w),
        code=lambda w: GRAPH.parameters.code("build_long_tail", w),
    message:
        "Cut {wildcards.dataset} to {wildcards.imbalance}"
    script:
        "../workflow_scripts/build_long_tail.py"
