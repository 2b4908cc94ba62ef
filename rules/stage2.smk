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
    # A job that was preempted or killed goes on where it was.
    retries: GRAPH.compute["retries"]
    conda:
        "../envs/train.yaml"
    threads: lambda w: GRAPH.threads(w)
    resources:
        gpu=GRAPH.gpus,
    params:
        settings=lambda w: GRAPH.stage2(w),
        code=lambda w: GRAPH.code("train_stage2", w),
    message:
        "Stage 2: train {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_stage2.py"
