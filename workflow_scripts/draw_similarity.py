import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail import head_set
    from longtail.report import origin, similarity, style
    from longtail.runtime import files, npz

    layout, given = json.loads(snakemake.params.figure), snakemake.input
    stored = npz.load(given.features, ["train_features", "train_labels"], "features")
    names = npz.load(given.arrays, ["classes"], "arrays")["classes"].tolist()
    heads = head_set.choose(files.read_json(given.subset)["counts"], layout["head_rule"], layout["head_size"])
    cosines = similarity.class_similarities(stored["train_features"], stored["train_labels"], len(names))
    figure = similarity.similarity_heatmaps(*cosines, names, heads.tolist(), layout["title"])
    records = [files.read_json(path) for path in given.provenance]
    small_print = origin.after(layout["source"], layout["seeds"], records)
    style.save(figure, snakemake.output.svg, snakemake.output.png, small_print)
