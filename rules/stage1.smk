rule train_stage1:
    input:
        arrays=ARRAYS,
        subset=SUBSET,
        networks=lambda w: GRAPH.inputs.networks(w),
        # ancient: its checksum is fixed.
        weights=ancient(lambda w: GRAPH.inputs.weights(w)),
    output:
        last=f"{NETWORK}/last.pt",
        best=f"{NETWORK}/best.pt",
        history=f"{NETWORK}/history.csv",
        provenance=f"{NETWORK}/provenance.json",
    log:
        f"{LOGS}/runs/{STAGE1_RUN}/train_stage1.log",
    wildcard_constraints:
        dataset=rf"(?!({GRAPH.patterns.imported})/stage1/)\w+",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.resources.threads(w, GRAPH.resources.processes)
    resources:
        gpu=GRAPH.resources.gpus_of_stage1,
        jobs_per_gpu=lambda w: GRAPH.resources.jobs_on_gpu(w),
        gpu_percent=lambda w: GRAPH.resources.gpu_percent(
            w, GRAPH.resources.gpus_of_stage1
        ),
    params:
        settings=lambda w: GRAPH.parameters.stage1(w),
        code=lambda w: GRAPH.parameters.code("train_stage1", w),
    message:
        "Stage 1: train {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_stage1.py"


# Inputs, parameters and environment are the same as in train_stage1, so that adding or removing the import of a finished
# network does not make it again.
rule import_stage1:
    input:
        arrays=ARRAYS,
        subset=SUBSET,
        networks=lambda w: GRAPH.inputs.networks(w),
        # ancient: its checksum is fixed.
        weights=ancient(lambda w: GRAPH.inputs.weights(w)),
    output:
        last=f"{NETWORK}/last.pt",
        best=f"{NETWORK}/best.pt",
        history=f"{NETWORK}/history.csv",
        provenance=f"{NETWORK}/provenance.json",
    log:
        f"{LOGS}/runs/{STAGE1_RUN}/import_stage1.log",
    wildcard_constraints:
        dataset=rf"(?=({GRAPH.patterns.imported})/stage1/)\w+",
    # The network lies on the machine that starts Snakemake.
    localrule: not SHARED
    conda:
        "../envs/train.yaml"
    params:
        settings=lambda w: GRAPH.parameters.stage1(w),
        code=lambda w: GRAPH.parameters.imported_code(w),
    message:
        "Stage 1: import {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/import_stage1.py"
