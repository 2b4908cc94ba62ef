from benchmarks import packed


def test_one_training_is_timed_against_more_of_them() -> None:
    found = packed.contestants("arrays.npz", {"CUDA_MPS_PIPE_DIRECTORY": "/pipes"})
    assert [(each.name, each.processes, each.settings.get("count", 1)) for each in found] == [
        ("1 (MPS)", 1, 1),
        ("2 (MPS)", 2, 1),
        ("2 in one process", 1, 2),
        ("4 (MPS)", 4, 1),
        ("4 in one process", 1, 4),
        ("8 (MPS)", 8, 1),
        ("8 in one process", 1, 8),
    ]
    assert {each.environment["CUDA_MPS_PIPE_DIRECTORY"] for each in found} == {"/pipes"}
    sixteen, _ = packed.contestants("arrays.npz", None, counts=[16])
    assert (sixteen.name, sixteen.processes) == ("16 (plain processes)", 16)
