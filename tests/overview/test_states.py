import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from longtail.overview import states
from longtail.overview.states import DONE, FAILED, RUNNING, STOPPED, WAITING, State

TRACEBACK = """\
08:00:00 epoch 1/200  loss 2.3
Traceback (most recent call last):
  File "train_stage1.py", line 17, in <module>
    run.save(train.train(data))
             ^^^^^^^^^^^^^^^^^
ValueError: operands could not be broadcast
together with shapes (3,) (4,)
"""


def look(tree, folder) -> State:
    return states.look(tree.training(folder), time.time())


def test_a_training_nobody_has_begun_waits(tree: Any) -> None:
    assert look(tree, tree.CE) == State(WAITING)
    assert look(tree, tree.CE).left == 1


def test_all_three_outputs_make_a_training_done(tree: Any) -> None:
    tree.finish(tree.CE)
    assert look(tree, tree.CE) == State(DONE)
    assert look(tree, tree.CE).left == 0

    (Path("results/runs") / tree.CE / "history.csv").unlink()
    assert look(tree, tree.CE) == State(WAITING)


@pytest.mark.parametrize("change", [{"settings": {"recipe": {"epochs": 30}}}, {"code": "000000000000"}])
def test_outputs_of_other_settings_or_code_are_made_again(tree: Any, change: dict[str, Any]) -> None:
    tree.finish(tree.CE, **change)

    assert look(tree, tree.CE) == State(WAITING, outdated=True)
    assert look(tree, tree.CE).left == 1


def test_an_imported_stage1_is_done_whatever_machine_and_code_made_it(tree: Any, taken: Any) -> None:
    line = taken(tree.CE)
    settings = tree.training(tree.CE).settings
    tree.run(tree.CE)  # a training that was begun here before
    assert look(tree, tree.CE) == State(WAITING, imported=True)
    assert look(tree, tree.CE).left == 0

    far = settings | {"compute": settings["compute"] | {"device": "cuda"}}
    tree.finish(tree.CE, settings=far, imported=line, code="c0de00000000")
    assert look(tree, tree.CE) == State(DONE)


def test_an_imported_stage1_stays_when_its_line_goes_if_code_is_that_of_here(tree: Any, taken: Any) -> None:
    line = taken(tree.CE)
    tree.configure()
    tree.finish(tree.CE, imported=line)
    assert look(tree, tree.CE) == State(DONE)

    tree.finish(tree.CE, imported=line, code="c0de00000000")
    assert look(tree, tree.CE) == State(WAITING, outdated=True)

    tree.finish(tree.CE, imported=line, settings={"recipe": {"epochs": 30}})
    assert look(tree, tree.CE) == State(WAITING, outdated=True)


def test_an_import_fails_by_its_own_log(tree: Any, taken: Any) -> None:
    tree.log(tree.CE, "error: of a training before")
    taken(tree.CE)
    assert look(tree, tree.CE) == State(WAITING, imported=True)

    tree.log(tree.CE, "error: the files have another sha256")
    assert look(tree, tree.CE).error == "the files have another sha256"
    assert states.log(tree.training(tree.CE)).name == "import_stage1.log"


def test_a_training_that_writes_runs(tree: Any) -> None:
    tree.run(tree.CE)

    state = look(tree, tree.CE)

    assert (state.kind, state.silent_since, state.left) == (RUNNING, None, 0.75)
    assert state.seconds_left(state.progress["updated"] + 60) == 3000 - 60


def test_a_job_killed_here_has_stopped(tree: Any, gone: Any) -> None:
    tree.run(tree.CE, pid=gone)
    assert (look(tree, tree.CE).kind, look(tree, tree.CE).left) == (STOPPED, 1)

    tree.save(tree.CE)
    assert (look(tree, tree.CE).kind, look(tree, tree.CE).left) == (STOPPED, 0.75)


def test_the_pid_of_a_process_on_another_machine_is_not_checked(tree: Any, gone: Any) -> None:
    tree.run(tree.CE, pid=gone, host="another")

    assert look(tree, tree.CE).kind == RUNNING


def test_two_minutes_without_a_word_are_silence(tree: Any) -> None:
    now = time.time()
    # 150 epochs to go in 3,000 s: one takes 20 s.
    for silence, since in ((115, None), (125, now - 125)):
        tree.run(tree.CE, updated=now - silence)
        state = states.look(tree.training(tree.CE), now)
        assert (state.kind, state.silent_since) == (RUNNING, since)
    assert state.seconds_left(now) is None


def test_long_epochs_are_no_silence(tree: Any) -> None:
    now = time.time()
    # One takes 1,000 s: two of them must pass.
    for silence, silent in ((1900, False), (2100, True)):
        tree.run(tree.CE, updated=now - silence, seconds_left=150_000.0)
        assert (states.look(tree.training(tree.CE), now).silent_since is not None) is silent


def test_a_training_in_its_first_epoch_knows_no_speed_yet(tree: Any) -> None:
    tree.run(tree.CE, epoch=0, loss=None, test_top1=None, images_per_second=None, seconds_left=None)

    state = look(tree, tree.CE)

    assert (state.kind, state.silent_since, state.left) == (RUNNING, None, 1)
    assert state.seconds_left(time.time()) is None


@pytest.mark.parametrize(
    "change",
    [{"epochs": 0}, {"epoch": "2"}, {"pid": -1}, {"updated": 1e300}, {"seconds_left": "soon"}, {"host": None}],
)
def test_an_invalid_progress_file_is_ignored(tree: Any, change: dict[str, Any]) -> None:
    tree.run(tree.CE, **change)

    assert look(tree, tree.CE) == State(WAITING)


def test_an_invalid_record_counts_as_one_of_other_settings(tree: Any) -> None:
    tree.finish(tree.CE)
    path = Path("results/runs") / tree.CE / "provenance.json"
    for content in ("[]", '{"imported": {}}', "[" * 100_000):
        path.write_text(content)
        assert look(tree, tree.CE) == State(WAITING, outdated=True)


def test_a_sentence_of_bad_input_is_a_failure(tree: Any, gone: Any) -> None:
    tree.log(tree.CE, "08:00:00 epoch 1/200\nerror: the loss is not finite: lower the rate\n")
    assert look(tree, tree.CE) == State(FAILED, error="the loss is not finite: lower the rate")

    # Its last word stays behind.
    tree.run(tree.CE, pid=gone)
    assert (look(tree, tree.CE).kind, look(tree, tree.CE).left) == (FAILED, 1)


def test_a_traceback_is_a_failure_and_its_exception_the_sentence(tree: Any) -> None:
    tree.log(tree.MISLAS, TRACEBACK)

    assert look(tree, tree.MISLAS) == State(FAILED, error="ValueError: operands could not be broadcast")


def test_a_log_that_goes_on_after_a_traceback_tells_of_no_failure(tree: Any) -> None:
    tree.log(tree.CE, TRACEBACK + "08:00:09 epoch 2/200  loss 2.2\n")

    assert look(tree, tree.CE) == State(WAITING)


def test_a_done_training_has_not_failed_whatever_its_log_says(tree: Any) -> None:
    tree.finish(tree.CE)
    tree.log(tree.CE, "error: of an earlier attempt\n")

    assert look(tree, tree.CE).kind == DONE


def test_a_file_being_written_is_not_yet_there(tree: Any) -> None:
    tree.write(tree.CE, "progress.json", '{"epoch": 5')

    assert look(tree, tree.CE).kind == WAITING


def test_logs_mirror_the_outputs(tree: Any) -> None:
    logs = "results/logs/runs/cifar10/if100/resnet32"

    assert str(states.log(tree.training(tree.CE))) == f"{logs}/ce/seed0/train_stage1.log"
    assert str(states.log(tree.training(tree.MISLAS))) == f"{logs}/mixup/seed0/mislas/train_stage2.log"


def test_the_clock_names_the_day_only_where_it_is_another() -> None:
    now = datetime(2026, 3, 5, 14, 30).timestamp()

    assert states.clock(now - 600, now) == "14:20"
    assert states.clock(now - 24 * 3600, now) == "2026-03-04 14:30"


def test_outdated_trainings_are_counted() -> None:
    assert states.outdated([State(WAITING), State(DONE)]) == []
    assert states.outdated([State(WAITING, outdated=True)] * 2) == [
        "To be trained again, since settings or code have changed: 2."
    ]
