rule download:
    output:
        archive="results/data/{dataset}/{archive}.tar.gz",
    log:
        "results/logs/data/{dataset}/{archive}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.download(w),
        code=lambda w: GRAPH.code("download", w),
    message:
        "Fetch the archive of {wildcards.dataset}"
    script:
        "../workflow_scripts/download.py"


rule build_arrays:
    input:
        # Its checksum is pinned: fetched again, it is the same.
        archive=ancient(lambda w: GRAPH.archive(w)),
    output:
        arrays="results/data/{dataset}/arrays.npz",
    log:
        "results/logs/data/{dataset}/build_arrays.log",
    conda:
        "../envs/train.yaml"
    params:
        settings=lambda w: GRAPH.source(w),
        contents=lambda w: GRAPH.contents(w),
        code=lambda w: GRAPH.code("build_arrays", w),
    message:
        "Read {wildcards.dataset} into arrays"
    script:
        "../workflow_scripts/build_arrays.py"


rule build_long_tail:
    input:
        arrays="results/data/{dataset}/arrays.npz",
    output:
        subset="results/data/{dataset}/{imbalance}/subset.json",
    log:
        "results/logs/data/{dataset}/{imbalance}/build_long_tail.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.long_tail(w),
        code=lambda w: GRAPH.code("build_long_tail", w),
    message:
        "Cut {wildcards.dataset} to {wildcards.imbalance}"
    script:
        "../workflow_scripts/build_long_tail.py"
