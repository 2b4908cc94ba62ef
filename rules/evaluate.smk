rule evaluate:
    input:
        logits=lambda w: GRAPH.inputs.logits(w),
        subset=SUBSET,
    output:
        metrics=f"{METHOD}/metrics.json",
    log:
        f"{LOGS}/runs/{METHOD_RUN}/evaluate.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=lambda w: GRAPH.parameters.evaluation(w),
        code=lambda w: GRAPH.parameters.code("evaluate", w),
    message:
        "Evaluate {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/evaluate.py"
