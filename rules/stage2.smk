rule train_stage2:
    input:
        arrays="results/data/{dataset}/arrays.npz",
        subset="results/data/{dataset}/{imbalance}/subset.json",
        features="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/features.npz",
        network="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/last.pt",
    output:
        last="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/last.pt",
        best="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/best.pt",
        logits="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/logits.npz",
        history="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/history.csv",
        provenance="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/provenance.json",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/train_stage2.log",
    wildcard_constraints:
        method=rf"(?!(stage1|{GRAPH.post_hoc_methods})/)\w+",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.threads(w)
    resources:
        gpu=GRAPH.gpus,
        jobs_per_gpu=GRAPH.compute["jobs_per_gpu"],
    params:
        settings=lambda w: GRAPH.stage2(w),
        code=lambda w: GRAPH.code("train_stage2", w),
    message:
        "Stage 2: train {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_stage2.py"


rule adjust_classifier:
    input:
        features="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/features.npz",
    output:
        logits="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/logits.npz",
        choice="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/choice.json",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/adjust_classifier.log",
    wildcard_constraints:
        method=GRAPH.post_hoc_methods,
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.post_hoc(w),
        code=lambda w: GRAPH.code("adjust_classifier", w),
    message:
        "Stage 2: adjust by {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/adjust_classifier.py"


rule project_features:
    input:
        subset="results/data/{dataset}/{imbalance}/subset.json",
        features="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/features.npz",
    output:
        projection="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/projection.npz",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/project_features.log",
    conda:
        "../envs/train.yaml"
    threads: GRAPH.compute["threads"]
    resources:
        gpu=GRAPH.gpus,
        jobs_per_gpu=GRAPH.compute["jobs_per_gpu"],
    params:
        settings=lambda w: GRAPH.projection(w),
        code=lambda w: GRAPH.code("project_features", w),
    message:
        "Project features of {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/project_features.py"
