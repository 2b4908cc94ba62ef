"""What a survey of data found, in sentences."""

from collections.abc import Sequence
from pathlib import Path

from longtail.overview import text
from longtail.survey.images import Images, Tracks

NAMED = 3


def of_images(root: Path, found: Images) -> list[str]:
    """The lines on a folder of images."""
    lines = [f"{root}: images of {len(found.classes)} classes"]
    lines += [_counts(f"  {split}/", counts, found.classes, "images") for split, counts in found.counts.items()]
    (width, height), _ = found.sizes.most_common(1)[0]
    sizes = f"all {width}x{height} pixels" if len(found.sizes) == 1 else f"shorter side {_range(found)} pixels"
    modes = ", ".join(f"{mode} {number:,}" for mode, number in found.modes.most_common())
    lines.append(f"  sizes: {sizes}; used at {found.image_size}x{found.image_size}; modes: {modes}")
    lines += _unreadable(found.unreadable)
    if found.copies:
        pairs = [f"{a.relative_to(root)} = {b.relative_to(root)}" for a, b in found.copies[:NAMED]]
        more = ", …" if len(found.copies) > NAMED else ""
        lines.append(
            f"  WARNING: {text.count(len(found.copies), 'test image')} with the same bytes as a training image "
            f"({', '.join(pairs)}{more}): remove them from train/, or the accuracy is too high"
        )
    return [*lines, *tracks(found.tracks)]


def tracks(found: Tracks | None) -> list[str]:
    """The sentence on a group rule that was guessed, if one was."""
    if found is None:
        return []
    number, least, most = text.count(len(found.sizes), "group"), min(found.sizes), max(found.sizes)
    return [
        f"  the names look like tracks: rule {found.rule} makes {number} of {least} to {most} images, which no split "
        "divides; remove the key `group` if a group is no track"
    ]


def of_titles(root: Path, splits: dict[str, dict[str, int]]) -> list[str]:
    """The lines on files of titles: by file, the number of titles of each class."""
    lines = [f"{root}: titles of {len(next(iter(splits.values())))} classes"]
    return lines + [
        _counts(f"  {name}", list(sizes.values()), list(sizes), "titles") for name, sizes in splits.items()
    ]


def proposal(splits: dict[str, int], share: float, kind: str, command: str) -> list[str]:
    """The lines on data without a test split."""
    numbers = " and ".join(f"{number:,} for {split}ing" for split, number in splits.items())
    return [
        f"  no test split. A share of {share:g} of each class, groups kept whole, makes {numbers}:",
        f"    {command}",
        f"  writes {kind}, changes nothing in your folder, and then writes the configuration.",
    ]


def next_steps(paths: Sequence[Path], config: Path) -> list[str]:
    """The commands to run next."""
    return [
        f"Written: {', '.join(map(str, paths))}.",
        "",
        f"make plan CONFIG={config}                       # how long it takes",
        f"snakemake --cores all --configfile {config}     # the table",
    ]


def _counts(what: str, counts: Sequence[int], names: Sequence[str], unit: str) -> str:
    least, most = min(counts), max(counts)
    smallest, largest = names[list(counts).index(least)], names[list(counts).index(most)]
    return (
        f"{what}: {sum(counts):,} {unit}; largest class {largest} {most:,}, smallest {smallest} {least:,}, "
        f"imbalance factor {most / least:.1f}"
    )


def _range(found: Images) -> str:
    shorter = [min(size) for size in found.sizes]
    return f"{min(shorter)} to {max(shorter)}, median {found.side}"


def _unreadable(sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    more = [f"    and {len(sentences) - NAMED:,} more"] if len(sentences) > NAMED else []
    return [
        f"  WARNING: {text.count(len(sentences), 'file')} that cannot be read; a run ends at the first:",
        *(f"    {sentence}" for sentence in sentences[:NAMED]),
        *more,
    ]
