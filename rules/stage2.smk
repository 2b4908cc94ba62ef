rule train_stage2:
    input:
        arrays=ARRAYS,
        subset=SUBSET,
        features=FEATURES,
        network=f"{NETWORK}/last.pt",
    output:
        last=f"{METHOD}/last.pt",
        best=f"{METHOD}/best.pt",
        logits=f"{METHOD}/logits.npz",
        history=f"{METHOD}/history.csv",
        provenance=f"{METHOD}/provenance.json",
    log:
        f"{LOGS}/runs/{METHOD_RUN}/train_stage2.log",
    wildcard_constraints:
        method=rf"(?!(stage1|{GRAPH.patterns.post_hoc_methods})/)\w+",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.resources.threads(w)
    resources:
        gpu=GRAPH.resources.gpus,
        jobs_per_gpu=lambda w: GRAPH.resources.jobs_on_gpu(w),
        gpu_percent=lambda w: GRAPH.resources.gpu_percent(w, GRAPH.resources.gpus),
    params:
        settings=lambda w: GRAPH.parameters.stage2(w),
        code=lambda w: GRAPH.parameters.code("train_stage2", w),
    message:
        "Stage 2: train {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_stage2.py"


rule adjust_classifier:
    input:
        features=FEATURES,
    output:
        logits=f"{METHOD}/logits.npz",
        choice=f"{METHOD}/choice.json",
    log:
        f"{LOGS}/runs/{METHOD_RUN}/adjust_classifier.log",
    wildcard_constraints:
        method=GRAPH.patterns.post_hoc_methods,
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.parameters.post_hoc(w),
        code=lambda w: GRAPH.parameters.code("adjust_classifier", w),
    message:
        "Stage 2: adjust by {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/adjust_classifier.py"


rule project_features:
    input:
        subset=SUBSET,
        features=FEATURES,
    output:
        projection=f"{METHOD}/projection.npz",
    log:
        f"{LOGS}/runs/{METHOD_RUN}/project_features.log",
    conda:
        "../envs/train.yaml"
    threads: GRAPH.resources.threads_each
    resources:
        gpu=GRAPH.resources.gpus,
        jobs_per_gpu=lambda w: GRAPH.resources.jobs_on_gpu(w),
        gpu_percent=lambda w: GRAPH.resources.gpu_percent(w, GRAPH.resources.gpus),
    params:
        settings=lambda w: GRAPH.parameters.projection(w),
        code=lambda w: GRAPH.parameters.code("project_features", w),
    message:
        "Project features of {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/project_features.py"
