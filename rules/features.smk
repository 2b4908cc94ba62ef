rule extract_features:
    input:
        arrays="results/data/{dataset}/arrays.npz",
        subset="results/data/{dataset}/{imbalance}/subset.json",
        last="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/last.pt",
        best="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/stage1/best.pt",
    output:
        features="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/features.npz",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/extract_features.log",
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.threads(w)
    resources:
        gpu=GRAPH.gpus,
        jobs_per_gpu=GRAPH.compute["jobs_per_gpu"],
    params:
        settings=lambda w: GRAPH.features(w),
        code=lambda w: GRAPH.code("extract_features", w),
    message:
        "Extract features of {wildcards.stage1} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/extract_features.py"
