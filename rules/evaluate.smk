rule evaluate:
    input:
        logits=lambda w: GRAPH.logits(w),
        subset="results/data/{dataset}/{imbalance}/subset.json",
    output:
        metrics="results/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/metrics.json",
    log:
        "results/logs/runs/{dataset}/{imbalance}/{backbone}/{stage1}/seed{seed}/{method}/evaluate.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.evaluation(w),
        code=lambda w: GRAPH.code("evaluate", w),
    message:
        "Evaluate {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/evaluate.py"
