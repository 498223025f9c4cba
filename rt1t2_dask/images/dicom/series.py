"""Choose the T1w and T2w DICOM series by their acquisition parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np

from rt1t2_dask.bids.agent_words import says_agent
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom.headers import Header
from rt1t2_dask.images.dicom.words import says_no_anatomy, says_proton_density
from rt1t2_dask.images.nifti_header import MIN_SLICES

Contrast = Literal["T1w", "T2w"]
Repeat = Literal["first", "last"]

T1_MOST_ECHO_MS = 30.0
T1_MOST_REPETITION_MS = 3200.0
T1_MOST_INVERSION_MS = 1500.0
T2_LEAST_ECHO_MS = 60.0
T2_LEAST_REPETITION_MS = 1800.0
GRADIENT_MOST_ECHO_MS = 12.0
# Slices of one stack agree to rounding, and dcm2niix does not stack others.
LEAST_COSINE = 0.9998
_MS = 1000.0
# Echo times are written to hundredths; those of one series lie milliseconds apart.
SAME_ECHO_MS = 0.5
_NO_ANATOMY = {
    "ADC", "CSA MPR", "CSAPARALLEL", "DIFFUSION", "FA", "LOCALIZER", "MIP", "MNIP", "MPR", "P",
    "PERFUSION", "PHASE", "PHASE MAP", "PROJECTION IMAGE", "REFORMATTED", "SUBTRACTION", "TRACEW",
    "SCREEN SAVE", "T1 MAP", "T2 MAP",
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """The files of one image.

    Parameters
    ----------
    header : Header
        Of the first file.
    members : tuple of int
        Indices of the files, as numbered by the caller.
    slices : int
    positions_mm : tuple of float
        Slice positions along the normal, sorted; empty where files hold many slices.
    tilted : bool
        Slices of several orientations.
    missing : tuple of str
        Attributes of voxel size and position that are missing from a file.
    """

    header: Header
    members: tuple[int, ...]
    slices: int
    positions_mm: tuple[float, ...] = ()
    tilted: bool = False
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Series number and description."""
        return f"series {self.header.number} ({self.header.description or 'no description'})"

    def describe(self) -> str:
        """Return its name with the parameters that decide the contrast."""
        head = self.header
        times = {"TE": head.echo_ms, "TR": head.repetition_ms, "TI": head.inversion_ms}
        text = ", ".join(f"{name} {value:g}" for name, value in times.items() if value)
        loss = "; compressed with loss" if head.lossy else ""
        return (
            f"{self.name[:-1]}; {f'{text} ms' if text else 'no times'}; {self.slices} slices{loss})"
        )


@dataclass(frozen=True)
class ChosenSeries:
    """A chosen series and the reason."""

    series: Series
    reason: str


def sort_series(headers: Mapping[int, Header]) -> list[Series]:
    """Group files into series; each echo and image type of a series is an image of its own.

    Parameters
    ----------
    headers : mapping of int to Header
        By the caller's number of the file.
    """
    groups: dict[tuple[object, ...], list[tuple[int, Header]]] = defaultdict(list)
    for index, whole in sorted(headers.items()):
        for head in _by_echo(whole):
            groups[head.uid, head.number, head.image_type].append((index, head))
    made = [_series(members) for group in groups.values() for members in _echoes(group)]
    return sorted(made, key=lambda s: (s.header.number, s.header.echo_ms or 0.0, s.header.uid))


def _echoes(group: Sequence[tuple[int, Header]]) -> list[dict[int, Header]]:
    """Split the files of a series by echo; echo times equal within rounding are one."""
    found: list[dict[int, Header]] = []
    least = -np.inf
    for index, head in sorted(group, key=lambda own: (own[1].echo_ms or 0.0, own[0])):
        if (head.echo_ms or 0.0) > least + SAME_ECHO_MS:
            least = head.echo_ms or 0.0
            found.append({})
        found[-1][index] = head
    return found


def _by_echo(head: Header) -> list[Header]:
    """Return one header per echo of a multi-echo file."""
    if not head.echoes_ms:
        return [head]
    frames = head.frames // len(head.echoes_ms)
    return [
        replace(
            head,
            echo_ms=echo,
            frames=frames,
            acquired=(*head.acquired, ("EchoTime", echo / _MS)),  # the last of a name counts
        )
        for echo in head.echoes_ms
    ]


def _series(members: Mapping[int, Header]) -> Series:
    heads = list(members.values())
    found = [head.position_mm for head in heads if head.frames == 1]
    positions = sorted(place for place in found if place is not None)
    slices = sum(head.frames for head in heads)
    missing = tuple(dict.fromkeys(name for head in heads for name in head.missing))
    return Series(heads[0], tuple(members), slices, tuple(positions), _tilted(heads), missing)


def _tilted(heads: Sequence[Header]) -> bool:
    normals = np.array([head.normal for head in heads if head.normal])
    return len(normals) > 1 and float((normals @ normals[0]).min()) < LEAST_COSINE


def contrast_of(series: Series) -> Contrast | None:
    """Classify a whole-volume series as T1w or T2w by its sequence and times; None for others.

    Notes
    -----
    T1w: echo under 30 ms (gradient echo: 12 ms), repetition under 3200 ms, inversion under 1500 ms
    if any. T2w: no gradient echo, no inversion, echo from 60 ms, repetition from 1800 ms. FLAIR
    has a longer inversion, T2* and SWI a longer gradient echo, proton density neither; diffusion
    is echo-planar. A fast gradient echo of a localizer, a projection, a map or a phase image is
    left out by ImageType or description. `qc.check_contrasts` tests the contrast once more.
    """
    return None if says_no_anatomy(series.header.description) else _by_times(series)


def _by_times(series: Series) -> Contrast | None:
    head = series.header
    if series.slices < MIN_SLICES or _NO_ANATOMY & set(head.image_type):
        return None
    if head.echo_planar or head.echo_ms is None or head.repetition_ms is None:
        return None
    density = says_proton_density(head.description)
    if _is_t1w(head, head.echo_ms, head.repetition_ms) and not density:
        return "T1w"
    long = head.echo_ms >= T2_LEAST_ECHO_MS and head.repetition_ms >= T2_LEAST_REPETITION_MS
    inverted = head.inversion or head.inversion_ms is not None
    return "T2w" if long and not head.gradient_echo and not inverted else None


def _is_t1w(head: Header, echo_ms: float, repetition_ms: float) -> bool:
    most_echo = GRADIENT_MOST_ECHO_MS if head.gradient_echo else T1_MOST_ECHO_MS
    spin_limit = 1200.0 if not head.gradient_echo and head.inversion_ms is None else None
    return (
        echo_ms <= most_echo
        and repetition_ms <= (spin_limit or T1_MOST_REPETITION_MS)
        and (head.inversion_ms or 0.0) <= T1_MOST_INVERSION_MS
    )


def choose(
    series: Sequence[Series],
    contrast: Contrast,
    pattern: str | None,
    echo_ms: float | None = None,
    repeat: Repeat | None = None,
) -> ChosenSeries:
    """Choose the series of a contrast.

    Parameters
    ----------
    series : sequence of Series
        All series of one person.
    contrast : {"T1w", "T2w"}
    pattern : str, optional
        Description (``*`` and ``?``, any case) or number of the series; overrides all rules.
    echo_ms : float, optional
        Which echo of a series that has several.
    repeat : {"first", "last"}, optional
        Which of the matching series, by series number.

    Raises
    ------
    SubjectError
        No series or several match; the message lists the candidates.
    """
    fitting, reason = _fitting(series, contrast, pattern)
    if echo_ms is not None:
        before, reason = fitting, f"{reason}, source.{contrast.lower()}_echo_ms={echo_ms:g}"
        fitting = [s for s in before if _has_echo(s, echo_ms)]
        series = before or series
    if repeat is not None:
        fitting, reason = _repeated(fitting, reason, repeat)
    if len(fitting) == 1:
        return ChosenSeries(fitting[0], f"1 of {len(series)} series: {reason}")
    shown = "; ".join(s.describe() for s in fitting or series)
    if not fitting:
        raise SubjectError(
            f"none of {len(series)} series is a {contrast} ({reason}): {shown}.",
            f"Name it: source.{contrast.lower()}_series (description with *, or number)"
            + (", or correct the echo." if echo_ms is not None else "."),
        )
    raise SubjectError(
        f"{len(fitting)} series match as {contrast}: {shown}.", _how_to_choose(fitting, contrast)
    )


def _fitting(
    series: Sequence[Series], contrast: Contrast, pattern: str | None
) -> tuple[list[Series], str]:
    """Return the matching series and the reason."""
    if pattern is not None:
        return _named(series, pattern), f"source.{contrast.lower()}_series={pattern}"
    alike = [s for s in series if contrast_of(s) == contrast]
    plain = [s for s in alike if not _has_agent(s)]
    left_out = ", leaving out contrast agent" if len(plain) < len(alike) else ""
    others = [s.name for s in series if s not in alike and _by_times(s) == contrast]
    if others and not plain:
        left_out += f", leaving out {', '.join(others)} by description"
    return plain, f"{contrast} by sequence and times{left_out}"


def _repeated(fitting: list[Series], reason: str, repeat: Repeat) -> tuple[list[Series], str]:
    """Keep the first or the last series by number; echoes of one series stay together."""
    numbers = sorted({s.header.number for s in fitting})
    if len(numbers) < 2:
        return fitting, reason
    number = numbers[0] if repeat == "first" else numbers[-1]
    kept = [s for s in fitting if s.header.number == number]
    return kept, f"{reason}, {len(numbers)} match, source.repeat={repeat}"


def _how_to_choose(fitting: Sequence[Series], contrast: Contrast) -> str:
    """Name the setting that chooses between candidates: the echo between echoes of one series."""
    numbers = {s.header.number for s in fitting}
    echoes = sorted({s.header.echo_ms for s in fitting if s.header.echo_ms is not None})
    if len(numbers) == 1 and len(echoes) == len(fitting):
        shown = ", ".join(f"{echo:g}" for echo in echoes)
        return f"Choose with source.{contrast.lower()}_echo_ms ({shown})."
    if len({s.name for s in fitting}) < len(fitting):
        return "Remove all but one, or leave the subject out with cohort.exclude."
    return (
        f"Choose with source.{contrast.lower()}_series (description with *, or number) or "
        "source.repeat (first or last)."
    )


def _has_echo(series: Series, echo_ms: float) -> bool:
    own = series.header.echo_ms
    return own is not None and abs(own - echo_ms) <= SAME_ECHO_MS


def _named(series: Sequence[Series], pattern: str) -> list[Series]:
    """Return the series with a number, or matching a description."""
    if pattern.isdigit():
        numbered = [s for s in series if s.header.number == int(pattern)]
        if numbered:
            return numbered
    return [s for s in series if fnmatchcase(s.header.description.lower(), pattern.lower())]


def _has_agent(series: Series) -> bool:
    return series.header.agent or says_agent(series.header.description)
