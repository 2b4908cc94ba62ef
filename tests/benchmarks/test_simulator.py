"""The simulator against cases reckoned by hand, and what holds for every graph."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
from benchmarks import simulator
from benchmarks.simulator import Checks, Cluster, Job, Outcome
from hypothesis import given, settings
from hypothesis import strategies as st

ONE, QUARTER = Fraction(1), Fraction(1, 4)
CHECKS = Checks(first=40, more=10, most=180)


def independent(*seconds: float, gpus: Fraction = ONE) -> list[Job]:
    """Jobs that wait for nothing."""
    return [Job(f"job{number}", each, gpus=gpus) for number, each in enumerate(seconds)]


def chain(*seconds: float) -> list[Job]:
    """Jobs of which each needs the one before."""
    return [
        Job(f"job{number}", each, (f"job{number - 1}",) if number else (), ONE) for number, each in enumerate(seconds)
    ]


def spans(outcome: Outcome) -> dict[str, list[tuple[float, float]]]:
    """Start and end of every attempt of each job."""
    found: dict[str, list[tuple[float, float]]] = {}
    for each in outcome.attempts:
        found.setdefault(each.job.name, []).append((each.start, each.end))
    return found


def test_a_chain_takes_the_sum_however_many_gpus_there_are() -> None:
    jobs = chain(3, 5, 7)
    for gpus in (1, 2, 64):
        assert simulator.simulate(jobs, Cluster(gpus)).makespan == 15
    assert simulator.longest_chain(jobs, Cluster(1)) == (15, jobs)
    assert simulator.enough(jobs, Cluster(1)) == 1


def test_independent_jobs_are_taken_in_their_order() -> None:
    outcome = simulator.simulate(independent(2, 2, 4), Cluster(2))
    assert spans(outcome) == {"job0": [(0, 2)], "job1": [(0, 2)], "job2": [(2, 6)]}
    assert outcome.makespan == 6
    assert outcome.gpu_seconds == 8


def test_the_longest_first_lose_less_at_the_end() -> None:
    jobs, cluster = independent(2, 2, 4), Cluster(2)
    ordered = simulator.longest_first(jobs, cluster)
    assert [job.seconds for job in ordered] == [4, 2, 2]
    assert simulator.simulate(ordered, cluster).makespan == 4


def test_what_follows_a_job_counts_for_its_turn() -> None:
    jobs = [*independent(5), Job("first", 1, gpus=ONE), Job("then", 9, ("first",), ONE)]
    assert [job.name for job in simulator.longest_first(jobs, Cluster(1))] == ["first", "then", "job0"]


def test_enough_gpus_are_those_from_which_more_do_not_help() -> None:
    assert simulator.enough(independent(*[10] * 4), Cluster(1)) == 4
    assert simulator.enough([Job("long", 40, gpus=ONE), *independent(*[10] * 4)], Cluster(1)) == 2
    assert simulator.enough(independent(10, gpus=Fraction(8)), Cluster(1)) == 8


def test_queue_and_start_up_come_upon_every_job() -> None:
    cluster = Cluster(1, queue=30, startup=5)
    outcome = simulator.simulate(chain(10, 10), cluster)
    assert spans(outcome) == {"job0": [(30, 45)], "job1": [(75, 90)]}
    assert simulator.longest_chain(chain(10, 10), cluster)[0] == 90
    # In the queue a job holds no GPU: the second waits there while the first runs.
    assert spans(simulator.simulate(independent(10, 10), cluster)) == {"job0": [(30, 45)], "job1": [(45, 60)]}


def test_jobs_without_a_gpu_run_beside_the_others() -> None:
    outcome = simulator.simulate([*independent(10), Job("scores", 10), Job("more", 10)], Cluster(1))
    assert outcome.makespan == 10
    assert outcome.gpu_seconds == 10


def test_four_quarters_share_a_gpu_and_the_fifth_waits() -> None:
    outcome = simulator.simulate(independent(*[8] * 5, gpus=QUARTER), Cluster(1))
    assert [start for ((start, _),) in spans(outcome).values()] == [0, 0, 0, 0, 8]
    assert outcome.gpu_seconds == 10


def test_parts_fill_a_gpu_before_they_open_another() -> None:
    jobs = [*independent(8, 8, gpus=QUARTER), Job("whole", 8, gpus=ONE)]
    assert simulator.simulate(jobs, Cluster(2)).makespan == 8


def test_a_training_on_eight_gpus_waits_for_eight() -> None:
    jobs = [Job("alone", 3, gpus=ONE), Job("eight", 2, gpus=Fraction(8)), Job("beside", 4, gpus=ONE)]
    assert spans(simulator.simulate(jobs, Cluster(8))) == {"alone": [(0, 3)], "beside": [(0, 4)], "eight": [(4, 6)]}


def test_a_walltime_cuts_a_job_which_goes_on_where_it_was() -> None:
    cluster = Cluster(1, queue=30, startup=10, walltime=110)
    outcome = simulator.simulate(independent(250), cluster)
    # 100 s of work fit into each attempt.
    assert spans(outcome) == {"job0": [(30, 140), (170, 280), (310, 370)]}
    assert outcome.most_attempts == 3
    assert simulator.alone(independent(250)[0], cluster) == outcome.makespan == 370


def test_a_job_that_just_fits_its_walltime_is_not_cut() -> None:
    outcome = simulator.simulate(independent(100), Cluster(1, startup=10, walltime=110))
    assert spans(outcome) == {"job0": [(0, 110)]}


def test_no_more_jobs_are_submitted_than_allowed() -> None:
    outcome = simulator.simulate(independent(*[5] * 6), Cluster(64, submitted=2))
    assert sorted(start for ((start, _),) in spans(outcome).values()) == [0, 0, 5, 5, 10, 10]


def test_an_end_is_known_at_the_next_look() -> None:
    # Looks at 40, 90, 150 (nothing had ended) and 220, then 40 s after one at which a job had.
    outcome = simulator.simulate(chain(160, 30), Cluster(1, checks=CHECKS))
    assert spans(outcome) == {"job0": [(0, 160)], "job1": [(220, 250)]}
    assert outcome.makespan == 260


def test_the_time_between_looks_stops_growing() -> None:
    # 40, then 50, 60, ... 180: the sum of the first fifteen is 1650, from where on it is 180 a look.
    assert simulator.simulate(independent(1651), Cluster(1, checks=CHECKS)).makespan == 1650 + 180
    assert simulator.simulate(independent(5000), Cluster(1, checks=CHECKS)).makespan == 1650 + 19 * 180


def test_local_jobs_wait_for_a_place_beside_snakemake_and_nothing_else() -> None:
    jobs = [Job(f"here{number}", 5, local=True) for number in range(3)]
    cluster = Cluster(1, submitted=1, queue=7, startup=3, walltime=4, checks=CHECKS, local=2)
    outcome = simulator.simulate(jobs, cluster)
    assert spans(outcome) == {"here0": [(0, 5)], "here1": [(0, 5)], "here2": [(5, 10)]}
    assert outcome.makespan == 10
    assert simulator.longest_chain(jobs, cluster)[0] == 5


def test_end_of_a_local_job_is_known_at_once_and_that_of_another_is_not() -> None:
    jobs = [Job("here", 5, local=True), Job("there", 10, ("here",)), Job("table", 1, ("there",), local=True)]
    outcome = simulator.simulate(jobs, Cluster(1, checks=Checks(first=40, more=10, most=180)))
    assert spans(outcome) == {"here": [(0, 5)], "there": [(5, 15)], "table": [(40, 41)]}
    assert outcome.makespan == 41


def test_local_jobs_do_not_count_among_those_submitted() -> None:
    jobs = [Job("here", 50, local=True), *independent(10, 10)]
    outcome = simulator.simulate(jobs, Cluster(2, submitted=1))
    assert spans(outcome) == {"here": [(0, 50)], "job0": [(0, 10)], "job1": [(10, 20)]}


@pytest.mark.parametrize(
    ("jobs", "cluster", "message"),
    [
        ([Job("a", 1, ("b",)), Job("b", 1, ("a",))], Cluster(1), "wait for each other"),
        ([Job("a", 1, ("nothing",))], Cluster(1), "does not exist"),
        ([Job("a", 1), Job("a", 1)], Cluster(1), "one name"),
        (independent(1, gpus=Fraction(2)), Cluster(1), "more than 1 GPU"),
        (independent(1), Cluster(1, startup=5, walltime=5), "lets no job run"),
    ],
)
def test_what_can_never_run_is_refused(jobs: list[Job], cluster: Cluster, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulator.simulate(jobs, cluster)


def test_nothing_takes_no_time() -> None:
    assert simulator.simulate([], Cluster(1, checks=CHECKS)).makespan == 0
    assert simulator.longest_chain([], Cluster(1)) == (0, [])


@st.composite
def graphs(draw: st.DrawFn) -> list[Job]:
    """Jobs that need some of those before them."""
    jobs: list[Job] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.sampled_from([job.name for job in jobs]))) if jobs else set()
        gpus = draw(st.sampled_from([Fraction(0), QUARTER, ONE, Fraction(2)]))
        local = gpus == 0 and draw(st.booleans())
        jobs.append(Job(f"job{number}", draw(st.integers(0, 500)), tuple(sorted(needs)), gpus, local))
    return jobs


clusters = st.builds(
    Cluster,
    gpus=st.integers(2, 5),
    submitted=st.one_of(st.none(), st.integers(1, 4)),
    queue=st.integers(0, 20),
    startup=st.integers(0, 10),
    walltime=st.sampled_from([math.inf, 100]),
    checks=st.sampled_from([None, CHECKS]),
    local=st.integers(1, 3),
)


@settings(deadline=None)
@given(graphs(), clusters)
def test_every_job_runs_whole_after_what_it_needs_and_no_gpu_twice(jobs: list[Job], cluster: Cluster) -> None:
    outcome = simulator.simulate(jobs, cluster)
    found = spans(outcome)
    assert found.keys() == {job.name for job in jobs}
    for job in jobs:
        attempts = found[job.name]
        if job.local:
            (start, end), before = attempts[0], [found[need][-1][1] for need in job.needs]
            assert (len(attempts), end - start) == (1, job.seconds)
            assert start >= max(before, default=0)
            continue
        assert sum(end - start - cluster.startup for start, end in attempts) == job.seconds
        assert all(end - start <= cluster.walltime for start, end in attempts)
        assert all(end + cluster.queue <= start for (_, end), (start, _) in itertools.pairwise(attempts))
        for need in job.needs:
            assert found[need][-1][1] + cluster.queue <= attempts[0][0]
    for moment in {attempt.start for attempt in outcome.attempts}:
        running = [each for each in outcome.attempts if each.start <= moment < each.end]
        assert sum(each.job.gpus for each in running) <= cluster.gpus
        here = sum(each.job.local for each in running)
        assert here <= cluster.local
        if cluster.submitted:
            assert len(running) - here <= cluster.submitted


@settings(deadline=None)
@given(graphs(), clusters)
def test_nothing_is_faster_than_its_longest_chain_or_its_work_shared_out(jobs: list[Job], cluster: Cluster) -> None:
    outcome = simulator.simulate(jobs, cluster)
    longest, found = simulator.longest_chain(jobs, cluster)
    assert outcome.makespan >= longest
    assert outcome.makespan >= outcome.gpu_seconds / cluster.gpus
    assert longest == sum(simulator.alone(job, cluster) for job in found)
    assert all(first.name in second.needs for first, second in itertools.pairwise(found))


@settings(deadline=None)
@given(graphs())
def test_without_delays_greedy_is_at_most_twice_the_bounds(jobs: list[Job]) -> None:
    """Graham's bound, for jobs of one GPU or none."""
    single: Sequence[Job] = [Job(job.name, job.seconds, job.needs, min(ONE, Fraction(int(job.gpus)))) for job in jobs]
    outcome = simulator.simulate(single, Cluster(3))
    assert outcome.makespan <= outcome.gpu_seconds / 3 + simulator.longest_chain(single, Cluster(3))[0]


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 100), clusters)
def test_more_gpus_never_slow_equal_independent_jobs_down(count: int, seconds: int, cluster: Cluster) -> None:
    """With looks they may: an end that comes earlier is seen by another look, which moves all that follow."""
    jobs = independent(*[seconds] * count)
    clusters = (dataclasses.replace(cluster, gpus=gpus, checks=None) for gpus in range(1, 14))
    times = [simulator.simulate(jobs, each).makespan for each in clusters]
    assert times == sorted(times, reverse=True)
