"""Age and sex of the groups, compared as van Grinsven et al. 2025 did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.sex import FEMALE, MALE, parse
from rt1t2_dask.stats.fisher import DRAWS, fisher_test

Float = NDArray[np.float64]
NORMALITY_ALPHA = 0.05
LEAST_VALUES = 3
AGES = ("age", "age_at_onset")
COLUMNS = (
    "group", "n", "age_mean", "age_sd", "n_male", "n_female",
    "age_test", "age_p", "sex_test", "sex_p", "sex_p_error", "n_age",
)  # fmt: skip
PAIR_COLUMNS = (
    "variable", "first", "second", "n_first", "n_second", "mean_first", "mean_second", "test", "p",
)  # fmt: skip


def compare(
    participants: pd.DataFrame,
    group_order: Sequence[str],
    reference: str | None,
    *,
    group: str = "group",
    age: str = "age",
    sex: str = "sex",
) -> pd.DataFrame:
    """Describe each group and test it against the reference.

    Parameters
    ----------
    participants : DataFrame
        One row a participant; missing ages and sexes are left out of their test.
    group_order : sequence of str
        Rows of the result.
    reference : str or None
        Group the others' ages are tested against.
    group, age, sex : str
        Columns; age and sex may be absent. Sex as `rt1t2_dask.sex.parse` reads it.

    Returns
    -------
    DataFrame
        ``group, n, age_mean, age_sd`` (years, ddof 1, of the ``n_age`` whose age is known),
        ``n_male, n_female`` (NaN where nobody's sex is known),
        ``age_test, age_p`` (group against reference), ``sex_test, sex_p`` (one test
        over all groups, on every row); NaN where there is nothing to test.

    Notes
    -----
    Shapiro-Wilk p < 0.05 in either group decides for Mann-Whitney in place of
    Student's t (two-sided); sex by Fisher's exact test of the groups x 2 table.
    """
    ages = {g: _ages(participants[participants[group] == g], age) for g in group_order}
    sexes = {g: count_sexes(participants[participants[group] == g], sex) for g in group_order}
    sex_p, sex_error = fisher_test(np.nan_to_num(np.array(list(sexes.values()))))
    rows = []
    for name in group_order:
        tested = reference in ages and name != reference
        test, p = compare_ages(ages[name], ages[str(reference)]) if tested else ("", float("nan"))
        male, female = sexes[name]
        mean, deviation = _mean_sd(ages[name])
        n = int((participants[group] == name).sum())
        sex_test = _sex_test(sex_p, sex_error) or ""
        about = (name, n, mean, deviation, male, female)
        rows.append((*about, test, p, sex_test, sex_p, sex_error, len(ages[name])))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(
        age_test=frame["age_test"].replace("", None), sex_test=frame["sex_test"].replace("", None)
    )


def _sex_test(p: float, error: float) -> str | None:
    if not np.isfinite(p):
        return None
    return f"Fisher, {DRAWS:,} tables drawn" if error else "Fisher exact"


def compare_pairs(
    participants: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, group: str = "group"
) -> pd.DataFrame:
    """Compare age, and age at onset where it is known, between pairs of groups.

    Parameters
    ----------
    participants : DataFrame
        ``group``, and ``age`` and ``age_at_onset`` in years where they are known.
    pairs : sequence of (str, str)
        As the contrasts compare them.

    Returns
    -------
    DataFrame
        `PAIR_COLUMNS`; pairs of which either has fewer than three values are left out.
    """
    rows = []
    for variable in (name for name in AGES if name in participants):
        for names in dict.fromkeys(pairs):
            values = [_ages(participants[participants[group] == g], variable) for g in names]
            test, p = compare_ages(*values)
            if test:
                counts, means = map(len, values), (float(v.mean()) for v in values)
                rows.append((variable, *names, *counts, *means, test, p))
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def compare_ages(first: Float, second: Float) -> tuple[str, float]:
    """Test two samples, two-sided: return name and p ("" and NaN for fewer than 3 values)."""
    if min(len(first), len(second)) < LEAST_VALUES:
        return "", float("nan")
    if all(_normal(sample) for sample in (first, second)):
        return "Student t", float(stats.ttest_ind(first, second).pvalue)
    return "Mann-Whitney U", float(stats.mannwhitneyu(first, second).pvalue)


def t_test_from_summary(first: tuple[float, float, int], second: tuple[float, float, int]) -> float:
    """Compute the two-sided p of Student's t from (mean, SD, n) of two groups."""
    return float(stats.ttest_ind_from_stats(*first, *second).pvalue)


def joint_demographics(
    sums: Mapping[str, Sequence[Mapping[str, Any]]], reference: str
) -> pd.DataFrame:
    """Describe groups pooled over sites from their sums.

    Parameters
    ----------
    sums : mapping of str to sequence of mapping
        By group, of each site: ``n``, ``age_n``, ``age_sum``, ``age_squares``, ``n_male``,
        ``n_female``; None where withheld.
    reference : str

    Returns
    -------
    DataFrame
        Columns as `compare`; the test of age is always Student's t, and what a site withholds is
        NaN.
    """

    def total(group: str, name: str) -> float:
        known = [site[name] for site in sums[group]]
        return float("nan") if None in known or not known else float(sum(known))

    rows, ages = [], {group: _joint_age(sums[group]) for group in sums}
    counts = np.array([[total(g, "n_male"), total(g, "n_female")] for g in sums])
    sex_p, error = fisher_test(counts) if np.isfinite(counts).all() else (np.nan, np.nan)
    for group, (male, female) in zip(sums, counts.tolist(), strict=True):
        mean, spread, known_ages = ages[group]
        tested = group != reference and reference in ages
        known = tested and bool(np.isfinite([*ages[group], *ages[reference]]).all())
        p = float(stats.ttest_ind_from_stats(*ages[group], *ages[reference])[1]) if known else None
        test = "Student t" if known else None
        sexes = _sex_test(sex_p, error)
        people = sum(site["n"] for site in sums[group])
        about = (group, people, mean, spread, male, female)
        rows.append((*about, test, p, sexes, sex_p, error, known_ages))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def joint_pairs(
    sums: Mapping[str, Sequence[Mapping[str, Any]]], pairs: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """Compare age between pairs of groups of several sites by Student's t from their sums.

    Parameters
    ----------
    sums
        As in `joint_demographics`.
    pairs : sequence of (str, str)

    Returns
    -------
    DataFrame
        As `compare_pairs`.
    """
    ages, rows = {group: _joint_age(sums[group]) for group in sums}, []
    for first, second in dict.fromkeys(pairs):
        both = ages.get(first, UNKNOWN_AGE), ages.get(second, UNKNOWN_AGE)
        if np.isfinite(both).all() and min(both[0][2], both[1][2]) >= LEAST_VALUES:
            p = float(stats.ttest_ind_from_stats(*both[0], *both[1])[1])
            counts, means = (int(one[2]) for one in both), (one[0] for one in both)
            rows.append(("age", first, second, *counts, *means, "Student t", p))
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


UNKNOWN_AGE = (float("nan"), float("nan"), float("nan"))


def _joint_age(sites: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Return mean, SD and n of a group's ages over sites; NaN where a site withholds it."""
    names = ("age_n", "age_sum", "age_squares")
    known = [[site[name] for name in names] for site in sites]
    if not known or any(None in own for own in known):
        return UNKNOWN_AGE
    n, total, squares = np.sum(known, axis=0).tolist()
    mean = total / n if n else float("nan")
    spread = (squares - n * mean**2) / (n - 1) if n > 1 else float("nan")
    return mean, float(np.sqrt(max(spread, 0.0))), n


def count_sexes(participants: pd.DataFrame, column: str) -> tuple[float, float]:
    """Count the males and females, NaN where nobody's sex is known; others are in neither."""
    if column not in participants:
        return float("nan"), float("nan")
    sex = parse(participants[column])[0]
    known = sex.notna().any()
    male, female = int((sex == MALE).sum()), int((sex == FEMALE).sum())
    return (male, female) if known else (float("nan"), float("nan"))


def _ages(participants: pd.DataFrame, column: str) -> Float:
    if column not in participants:
        return np.empty(0)
    values = pd.to_numeric(participants[column], errors="coerce").to_numpy(np.float64)
    return np.asarray(values[np.isfinite(values)])


def _mean_sd(values: Float) -> tuple[float, float]:
    mean = float(values.mean()) if len(values) else float("nan")
    return mean, float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _normal(sample: Float) -> bool:
    return bool(np.ptp(sample) > 0 and stats.shapiro(sample).pvalue >= NORMALITY_ALPHA)
