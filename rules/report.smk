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
            labels=lambda w, output, params: GRAPH.entries.labels(
                output.html, params.table.value["title"]
            ),
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
        classes=lambda w: GRAPH.inputs.described_classes(w),
    output:
        csv="results/tables/{statistics}.csv",
        md="results/tables/{statistics}.md",
        tex="results/tables/{statistics}.tex",
        html=report(
            "results/tables/{statistics}.html",
            caption="captions/statistics.rst",
            category="Tables",
            labels=lambda w, output, params: GRAPH.entries.labels(
                output.html, params.table.value["title"]
            ),
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
            labels=lambda w, output, params: GRAPH.entries.labels(
                output.html, params.table.value["title"]
            ),
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


rule make_ranking:
    input:
        logits=lambda w: GRAPH.inputs.ranked_logits(w),
        subset=lambda w: GRAPH.inputs.ranked_subset(w),
        classes=lambda w: GRAPH.inputs.ranked_classes(w),
        provenance=lambda w: GRAPH.inputs.provenance(GRAPH.inputs.ranked_runs(w)),
    output:
        html=report(
            "results/rankings/{ranking}.html",
            caption="captions/ranking.rst",
            category="Which method",
            labels=lambda w, output, params: GRAPH.entries.labels(
                output.html, params.table.value["title"]
            ),
        ),
        md="results/rankings/{ranking}.md",
        csv="results/rankings/{ranking}.csv",
        classes="results/rankings/{ranking}.classes.csv",
        svg="results/rankings/{ranking}.svg",
        png="results/rankings/{ranking}.png",
    log:
        "results/logs/rankings/{ranking}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        table=lambda w: GRAPH.layouts.ranking(w),
        code=lambda w: GRAPH.parameters.code("make_ranking", w),
    message:
        "Which method: {wildcards.ranking}"
    script:
        "../workflow_scripts/make_ranking.py"


for KIND in GRAPH.figures.values():

    rule:
        name:
            f"draw_{KIND.name}"
        input:
            unpack(KIND.inputs),
        output:
            **KIND.outputs(report, GRAPH.entries),
        log:
            KIND.log,
        localrule: True
        conda:
            "../envs/report.yaml"
        params:
            kind=KIND.name,
            figure=KIND.layout,
            caption=KIND.caption,
            code=KIND.code,
        message:
            KIND.message
        script:
            "../workflow_scripts/draw.py"


# Beside the manifest it writes copies of all files, for git, which a storage would not get.
if SHARED:

    rule publish:
        input:
            tables=GRAPH.targets.tables(),
            rankings=GRAPH.targets.rankings(),
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
