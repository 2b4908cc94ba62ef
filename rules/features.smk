rule extract_features:
    input:
        arrays=ARRAYS,
        subset=SUBSET,
        last=f"{NETWORK}/last.pt",
        best=f"{NETWORK}/best.pt",
    output:
        features=FEATURES,
    log:
        f"{LOGS}/runs/{STAGE1_RUN}/extract_features.log",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.resources.threads(w)
    resources:
        gpu=GRAPH.resources.gpus,
        jobs_per_gpu=lambda w: GRAPH.resources.jobs_on_gpu(w),
        gpu_percent=lambda w: GRAPH.resources.gpu_percent(w, GRAPH.resources.gpus),
    params:
        settings=lambda w: GRAPH.parameters.features(w),
        code=lambda w: GRAPH.parameters.code("extract_features", w),
    message:
        "Extract features of {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/extract_features.py"
