rule make_table:
    input:
        metrics=lambda w: GRAPH.inputs.metrics(GRAPH.inputs.table_runs(w)),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.table_runs(w)),
    output:
        csv="results/tables/{table}.csv",
        md="results/tables/{table}.md",
        tex="results/tables/{table}.tex",
        html=report(
            "results/tables/{table}.html",
            caption="captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "results/logs/tables/{table}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        table=lambda w: GRAPH.layouts.table(w),
        code=lambda w: GRAPH.parameters.code("make_table", w),
    message:
        "Table {wildcards.table}"
    script:
        "../workflow_scripts/make_table.py"


rule make_statistics:
    input:
        subsets=lambda w: GRAPH.inputs.described_subsets(w),
        arrays=lambda w: GRAPH.inputs.described_arrays(w),
    output:
        csv="results/tables/{statistics}.csv",
        md="results/tables/{statistics}.md",
        tex="results/tables/{statistics}.tex",
        html=report(
            "results/tables/{statistics}.html",
            caption="captions/statistics.rst",
            category="Tables",
            labels={"table": "{statistics}"},
        ),
    log:
        "results/logs/tables/{statistics}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        table=lambda w: GRAPH.layouts.statistics(w),
        code=lambda w: GRAPH.parameters.code("make_statistics", w),
    message:
        "Table {wildcards.statistics}"
    script:
        "../workflow_scripts/make_statistics.py"


rule make_claims:
    input:
        logits=lambda w: GRAPH.inputs.claims_logits(w),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.claims_runs(w)),
    output:
        csv="results/tables/{claims}.csv",
        md="results/tables/{claims}.md",
        tex="results/tables/{claims}.tex",
        html=report(
            "results/tables/{claims}.html",
            caption="captions/claims.rst",
            category="Tables",
            labels={"table": "{claims}"},
        ),
    log:
        "results/logs/tables/{claims}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        table=lambda w: GRAPH.layouts.claims(w),
        code=lambda w: GRAPH.parameters.code("make_claims", w),
    message:
        "Table {wildcards.claims}"
    script:
        "../workflow_scripts/make_claims.py"


rule draw_reliability:
    input:
        metrics=lambda w: GRAPH.inputs.metrics([GRAPH.inputs.run_of(w)]),
    output:
        svg=report(
            "results/figures/reliability/{dataset}/{imbalance}/{backbone}/{method}_seed{seed}.svg",
            caption="captions/reliability.rst",
            category="Calibration",
            subcategory="{dataset} {imbalance}",
            labels={
                "figure": "reliability diagram",
                "method": "{method}",
                "backbone": "{backbone}",
                "seed": "{seed}",
            },
        ),
        png="results/figures/reliability/{dataset}/{imbalance}/{backbone}/{method}_seed{seed}.png",
    log:
        "results/logs/figures/reliability/{dataset}/{imbalance}/{backbone}/{method}_seed{seed}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        title=lambda w: GRAPH.layouts.run_title(w),
        code=lambda w: GRAPH.parameters.code("draw_reliability", w),
    message:
        "Reliability of {wildcards.method} on {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/draw_reliability.py"


rule draw_comparison:
    input:
        metrics=lambda w: GRAPH.inputs.metrics(GRAPH.inputs.figure_runs(w)),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.figure_runs(w)),
    output:
        panels_svg=report(
            "results/figures/{figure}_panels.svg",
            caption="captions/comparison.rst",
            category="Calibration",
            subcategory="comparisons",
            labels={"figure": "{figure}", "form": "panels"},
        ),
        panels_png="results/figures/{figure}_panels.png",
        overlay_svg=report(
            "results/figures/{figure}_overlay.svg",
            caption="captions/comparison.rst",
            category="Calibration",
            subcategory="comparisons",
            labels={"figure": "{figure}", "form": "overlay"},
        ),
        overlay_png="results/figures/{figure}_overlay.png",
    log:
        "results/logs/figures/{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.comparison(w),
        code=lambda w: GRAPH.parameters.code("draw_comparison", w),
    message:
        "Comparison {wildcards.figure}"
    script:
        "../workflow_scripts/draw_comparison.py"


rule draw_similarity:
    input:
        features=lambda w: GRAPH.inputs.features_of(w),
        arrays=lambda w: GRAPH.inputs.arrays_of(w),
        subset=lambda w: GRAPH.inputs.subset_of(w),
        provenance=lambda w: GRAPH.inputs.provenance([GRAPH.inputs.first_run(w)]),
    output:
        svg=report(
            "results/figures/similarity/{figure}.svg",
            caption="captions/similarity.rst",
            category="Features",
            labels={"figure": "similar classes", "name": "{figure}"},
        ),
        png="results/figures/similarity/{figure}.png",
    log:
        "results/logs/figures/similarity/{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.similarity(w),
        code=lambda w: GRAPH.parameters.code("draw_similarity", w),
    message:
        "Similar classes: {wildcards.figure}"
    script:
        "../workflow_scripts/draw_similarity.py"


rule draw_projection:
    input:
        projection=lambda w: GRAPH.inputs.projection_of(w),
        arrays=lambda w: GRAPH.inputs.arrays_of(w),
        provenance=lambda w: GRAPH.inputs.provenance([GRAPH.inputs.first_run(w)]),
    output:
        svg=report(
            "results/figures/projection/{figure}.svg",
            caption="captions/projection.rst",
            category="Features",
            labels={"figure": "projected features", "name": "{figure}"},
        ),
        png="results/figures/projection/{figure}.png",
    log:
        "results/logs/figures/projection/{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.projected(w),
        code=lambda w: GRAPH.parameters.code("draw_projection", w),
    message:
        "Projected features: {wildcards.figure}"
    script:
        "../workflow_scripts/draw_projection.py"


rule draw_sensitivity:
    input:
        metrics=lambda w: GRAPH.inputs.metrics(GRAPH.inputs.figure_runs(w)),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.figure_runs(w)),
    output:
        svg=report(
            "results/figures/sensitivity/{figure}.svg",
            caption="captions/sensitivity.rst",
            category="Studies",
            labels={"figure": "settings of a method", "name": "{figure}"},
        ),
        png="results/figures/sensitivity/{figure}.png",
    log:
        "results/logs/figures/sensitivity/{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.sensitivity(w),
        code=lambda w: GRAPH.parameters.code("draw_sensitivity", w),
    message:
        "Settings of a method: {wildcards.figure}"
    script:
        "../workflow_scripts/draw_sensitivity.py"


rule draw_probabilities:
    input:
        logits=lambda w: GRAPH.inputs.figure_logits(w),
        subset=lambda w: GRAPH.inputs.subset_of(w),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.figure_runs(w)),
    output:
        svg=report(
            "results/figures/probabilities/{figure}.svg",
            caption="captions/probabilities.rst",
            category="Calibration",
            subcategory="true class",
            labels={"figure": "probability of the true class", "name": "{figure}"},
        ),
        png="results/figures/probabilities/{figure}.png",
    log:
        "results/logs/figures/probabilities/{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.probabilities(w),
        code=lambda w: GRAPH.parameters.code("draw_probabilities", w),
    message:
        "Probability of the true class: {wildcards.figure}"
    script:
        "../workflow_scripts/draw_probabilities.py"


rule draw_class_counts:
    input:
        subsets=lambda w: GRAPH.inputs.subsets(w.dataset),
    output:
        svg=report(
            "results/figures/class_counts/{dataset}.svg",
            caption="captions/class_counts.rst",
            category="Data",
            labels={"figure": "class counts", "data set": "{dataset}"},
        ),
        png="results/figures/class_counts/{dataset}.png",
    log:
        "results/logs/figures/class_counts/{dataset}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        labels=lambda w: GRAPH.layouts.subset_labels(w.dataset),
        code=lambda w: GRAPH.parameters.code("draw_class_counts", w),
    message:
        "Class counts of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_class_counts.py"


rule draw_training_curves:
    input:
        histories=lambda w: GRAPH.inputs.histories(w),
    output:
        svg=report(
            "results/figures/training_curves/{dataset}/{imbalance}/{backbone}.svg",
            caption="captions/training_curves.rst",
            category="Training",
            labels={
                "figure": "training curves",
                "data set": "{dataset}",
                "imbalance": "{imbalance}",
                "backbone": "{backbone}",
            },
        ),
        png="results/figures/training_curves/{dataset}/{imbalance}/{backbone}.png",
    log:
        "results/logs/figures/training_curves/{dataset}/{imbalance}/{backbone}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        figure=lambda w: GRAPH.layouts.curves(w),
        code=lambda w: GRAPH.parameters.code("draw_training_curves", w),
    message:
        "Training curves of {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}"
    script:
        "../workflow_scripts/draw_training_curves.py"


rule draw_smoothing:
    input:
        subset=SUBSET,
    output:
        svg=report(
            "results/figures/smoothing/{dataset}/{imbalance}/{backbone}.svg",
            caption="captions/smoothing.rst",
            category="Training",
            labels={
                "figure": "label-aware smoothing",
                "data set": "{dataset}",
                "imbalance": "{imbalance}",
                "backbone": "{backbone}",
            },
        ),
        png="results/figures/smoothing/{dataset}/{imbalance}/{backbone}.png",
    log:
        "results/logs/figures/smoothing/{dataset}/{imbalance}/{backbone}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        smoothing=lambda w: GRAPH.layouts.smoothing(w),
        code=lambda w: GRAPH.parameters.code("draw_smoothing", w),
    message:
        "Label-aware smoothing of {wildcards.dataset} {wildcards.imbalance}, {wildcards.backbone}"
    script:
        "../workflow_scripts/draw_smoothing.py"


rule publish:
    input:
        tables=GRAPH.targets.tables(),
        figures=GRAPH.targets.figures(),
        metrics=GRAPH.inputs.metrics(GRAPH.plan.runs),
        provenance=GRAPH.inputs.provenance(GRAPH.plan.runs),
        choices=GRAPH.inputs.choices(),
    output:
        manifest="results/published/{name}/manifest.json",
    log:
        "results/logs/publish/{name}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        configuration=GRAPH.parameters.configuration(),
        code=lambda w: GRAPH.parameters.code("publish", w),
    message:
        "Publish as {wildcards.name}"
    script:
        "../workflow_scripts/publish.py"
