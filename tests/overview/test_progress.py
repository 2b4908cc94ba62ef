import time
from datetime import datetime
from pathlib import Path

from longtail.overview import progress, times

UNTIMED = [
    "Not yet timed here: resnet32 at 32x32.",
    "`make benchmark` times ResNet-32; the first finished training of a kind times that kind.",
]

LONG = "the loss is not finite at epoch 3, step 17, learning rate 0.1; the last good state is in results/runs/x: " * 2


def test_nothing_has_begun(tree) -> None:
    assert progress.lines(tree.graph, tree.machine()) == [
        "0 of 15 jobs done",
        "3 trainings: 0 done, 0 running, 3 waiting, 0 failed",
        "",
        *UNTIMED,
        "Jobs not yet timed here, and not counted: 2 extract_features, 2 evaluate, 1 download, 1",
        "  build_arrays, 1 build_long_tail, 1 make_table, 1 draw_class_counts, 1 draw_reliability_overview, 1",
        "  draw_smoothing, 1 draw_training_curves.",
    ]


def test_a_running_training_is_shown_with_its_progress(tree, shown) -> None:
    tree.finish(tree.CE)
    tree.run(tree.MIXUP)

    lines = progress.lines(tree.graph, tree.machine())

    assert lines[1] == "3 trainings: 1 done, 1 running, 1 waiting, 0 failed"
    rows = shown(lines)
    assert rows["running"] == ["epoch", "loss", "test", "images/s", "left"]
    assert rows[tree.MIXUP] == ["50/200", "1.2346", "61.25%", "150", "50 min"]
    # 3,000 s, and then the Stage 2: (125,440 / 3) / 150 = 279 s; only one runs.
    start = lines.index("More than 55 min left for all that is not done, 1 side by side.")
    assert lines[start + 1] == "Speed of resnet32 at 32x32: 150 images/s each (1 training running now)."


def test_gpus_are_shown_with_the_trainings_on_them(tree, devices, shown, monkeypatch) -> None:
    devices.nvidia(0, 1)
    tree.run(tree.CE)
    tree.log(tree.CE, "12:00:00 waiting for 1 of 2 GPUs\n12:00:09 on GPU 1\n12:00:12 epoch 1/200\n")
    tree.run(tree.MIXUP)
    tree.log(tree.MIXUP, "12:00:00 epoch 1/200\n")
    text = "0, GPU-7f, 97, 12345, 143771\n1, GPU-8f, 0, 3, 143771\n2, GPU-9f, 50, 3, 143771"
    devices.file("bin/nvidia-smi", f"#!/bin/sh\necho '{text}'\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{devices.root / 'bin'}:/usr/bin:/bin")

    lines = progress.lines(tree.graph, tree.machine(accelerator="NVIDIA H200"))

    rows = shown(lines)
    assert rows["running"] == ["epoch", "loss", "test", "images/s", "left", "GPU"]
    assert (rows[tree.CE][-1], rows[tree.MIXUP][-1]) == ("1", "-")
    # A third one is not this process's.
    start = lines.index("Now: GPU 0 97 % busy, 12 of 140 GiB in use; GPU 1 0 % busy, 0 of 140 GiB in use.")
    assert (lines[start - 1], lines[start + 1]) == ("", "")

    # A part of a GPU has no numbers, and a processor is not asked for.
    devices.file("bin/nvidia-smi", "#!/bin/sh\necho '0, GPU-7f, [N/A], [N/A], [N/A]'\n")
    assert not any(
        line.startswith("Now") for line in progress.lines(tree.graph, tree.machine(accelerator="NVIDIA H200"))
    )
    devices.file("bin/nvidia-smi", f"#!/bin/sh\necho '{text}'\n")
    assert not any(line.startswith("Now") for line in progress.lines(tree.graph, tree.machine()))


def test_an_imported_stage1_takes_no_time(tree, taken) -> None:
    taken(tree.CE)
    tree.run(tree.MIXUP)

    lines = progress.lines(tree.graph, tree.machine())

    # As where CE is done.
    assert lines[1] == "3 trainings: 0 done, 1 running, 2 waiting, 0 failed"
    assert "More than 55 min left for all that is not done, 1 side by side." in lines


def test_two_that_run_share_what_waits(tree) -> None:
    tree.run(tree.CE, seconds_left=6000.0)
    tree.run(tree.MIXUP, seconds_left=3000.0)

    lines = progress.lines(tree.graph, tree.machine(side_by_side=8))

    # CE alone takes 6,000 s, longer than mixup with MiSLAS and than half of all.
    assert "More than 1.7 h left for all that is not done, 2 side by side." in lines


def test_numbers_that_a_training_does_not_have_yet(tree, shown) -> None:
    tree.run(tree.CE, epoch=0, loss=None, test_top1=None, images_per_second=None, seconds_left=None)

    lines = progress.lines(tree.graph, tree.machine())

    assert shown(lines)[tree.CE] == ["0/200", "-", "-", "-", "-"]
    assert not any("left for all" in line for line in lines)


def test_what_is_known_of_the_time_left_is_a_lower_bound(tree) -> None:
    tree.run(tree.CE, images_per_second=None)

    assert "More than 50 min left for all that is not done, 1 side by side." in progress.lines(
        tree.graph, tree.machine()
    )


def test_a_training_without_updates_is_shown_with_the_time_of_the_last_one(tree, shown) -> None:
    since = time.time() - 7200
    tree.run(tree.CE, updated=since, host="another")

    lines = progress.lines(tree.graph, tree.machine())

    assert lines[1] == "3 trainings: 0 done, 1 running, 2 waiting, 0 failed"
    assert shown(lines)[tree.CE][-1].endswith(datetime.fromtimestamp(since).strftime("%H:%M"))
    assert "no update since" in shown(lines)[tree.CE][-1]


def test_stopped_trainings_say_how_they_go_on(tree, gone, shown) -> None:
    tree.run(tree.CE, pid=gone)
    tree.save(tree.CE)
    tree.run(tree.MIXUP, pid=gone, epoch=3)

    lines = progress.lines(tree.graph, tree.machine())

    assert lines[1] == "3 trainings: 0 done, 0 running, 3 waiting, 0 failed"
    rows = shown(lines)
    assert rows[tree.CE] == ["will continue after epoch 50 or where it last saved"]
    assert rows[tree.MIXUP] == ["nothing saved by epoch 3: will start again"]


def test_failures_come_with_sentence_and_log(tree) -> None:
    tree.log(tree.MISLAS, f"08:00:00 epoch 2/10\nerror: {LONG}\n")

    lines = progress.lines(tree.graph, tree.machine())

    assert lines[1] == "3 trainings: 0 done, 0 running, 2 waiting, 1 failed"
    start = lines.index("failed")
    assert lines[start + 1] == tree.MISLAS
    end = lines.index("    log: results/logs/runs/cifar10/if100/resnet32/mixup/seed0/mislas/train_stage2.log")
    assert " ".join(line.strip() for line in lines[start + 2 : end]) == LONG.strip()
    assert max(map(len, lines)) <= 100


def test_jobs_that_train_nothing_are_counted_as_they_were_timed(tree) -> None:
    tree.make_all()
    for job in tree.jobs():
        if job.rule in ("evaluate", "make_table"):
            tree.record(job, 30.0)
            Path(job.outputs[0]).unlink()

    lines = progress.lines(tree.graph, tree.machine())

    # Two evaluations and a table of 30 s each, two side by side.
    assert lines == [
        "12 of 15 jobs done",
        "3 trainings: 3 done, 0 running, 0 waiting, 0 failed",
        "",
        "About 45 s left for all that is not done, 2 side by side.",
    ]


def test_time_is_a_lower_bound_while_a_job_is_not_timed(tree) -> None:
    tree.make_all()
    for job in tree.jobs():
        if job.rule == "evaluate":
            tree.record(job, 30.0)
        if job.rule in ("evaluate", "make_table"):
            Path(job.outputs[0]).unlink()

    lines = progress.lines(tree.graph, tree.machine())

    assert lines[-2:] == [
        "More than 30 s left for all that is not done, 2 side by side.",
        "Jobs not yet timed here, and not counted: 1 make_table.",
    ]


def test_jobs_that_run_beside_a_training_are_side_by_side_with_it(tree) -> None:
    tree.run(tree.CE)
    (job,) = [job for job in tree.jobs() if job.rule == "extract_features" and "/mixup/" in job.outputs[0]]
    mark = times.record_of(times.MARKS, job.outputs[0])
    mark.parent.mkdir(parents=True)
    mark.write_text("{}")

    overviews = [progress.lines(tree.graph, tree.machine(side_by_side=number)) for number in (1, 2, 8)]

    # A mark that an end without a word left behind stands for no more than this machine takes.
    assert [line.rsplit(", ", 1)[1] for lines in overviews for line in lines if "left for all" in line] == [
        "1 side by side.",
        "2 side by side.",
        "2 side by side.",
    ]


def test_all_done_leaves_nothing_to_say(tree) -> None:
    tree.make_all()

    assert progress.lines(tree.graph, tree.machine()) == [
        "15 of 15 jobs done",
        "3 trainings: 3 done, 0 running, 0 waiting, 0 failed",
    ]
