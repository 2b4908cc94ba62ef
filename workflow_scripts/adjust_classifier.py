from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.runtime import files, npz, parts
    from longtail.settings.post_hoc import PostHoc
    from longtail.stage2 import post_hoc

    change = PostHoc.parse(snakemake.params.settings).post_hoc
    part = parts.find("stage2.post_hoc", change.name)
    stored = npz.load(snakemake.input.features, part.ARRAYS, "features")
    adjusted = part.adjust(change.settings, stored)
    post_hoc.save_logits(snakemake.output.logits, adjusted, stored["test_labels"])
    method = {"name": change.name, **change.settings}
    files.write_json(snakemake.output.choice, adjusted.choice | {"post_hoc": method})
