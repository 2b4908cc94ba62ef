rule train_stage1:
    input:
        arrays="results/data/{dataset}/arrays.npz",
        subset="results/data/{dataset}/{imbalance}/subset.json",
    output:
        last="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/last.pt",
        best="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/best.pt",
        history="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/history.csv",
        provenance="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/provenance.json",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/train_stage1.log",
    wildcard_constraints:
        dataset=rf"(?!({GRAPH.imported})/stage1/)\w+",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.threads(w, GRAPH.compute["processes"])
    resources:
        gpu=GRAPH.gpus_of_stage1,
        jobs_per_gpu=GRAPH.compute["jobs_per_gpu"],
    params:
        settings=lambda w: GRAPH.stage1(w),
        code=lambda w: GRAPH.code("train_stage1", w),
    message:
        "Stage 1: train {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_stage1.py"


# Inputs, parameters and environment are those of train_stage1, so that a network stays where it is when its line in
# the configuration comes or goes.
rule import_stage1:
    input:
        arrays="results/data/{dataset}/arrays.npz",
        subset="results/data/{dataset}/{imbalance}/subset.json",
    output:
        last="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/last.pt",
        best="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/best.pt",
        history="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/history.csv",
        provenance="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/provenance.json",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/import_stage1.log",
    wildcard_constraints:
        dataset=rf"(?=({GRAPH.imported})/stage1/)\w+",
    conda:
        "../envs/train.yaml"
    params:
        settings=lambda w: GRAPH.stage1(w),
        code=lambda w: GRAPH.imported_code(w),
    message:
        "Stage 1: import {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/import_stage1.py"
