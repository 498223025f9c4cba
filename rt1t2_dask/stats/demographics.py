"""Age and sex of the groups, compared as van Grinsven et al. 2025 did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

Float = NDArray[np.float64]
NORMALITY_ALPHA = 0.05
MALE = {"m", "male", "1"}
FEMALE = {"f", "female", "0"}
COLUMNS = (
    "group", "n", "age_mean", "age_sd", "n_male", "n_female",
    "age_test", "age_p", "sex_test", "sex_p",
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
        Columns; age and sex may be absent. Sex is M/F, male/female (any case)
        or 1/0 for male/female.

    Returns
    -------
    DataFrame
        ``group, n, age_mean, age_sd`` (years, ddof 1), ``n_male, n_female``,
        ``age_test, age_p`` (group against reference), ``sex_test, sex_p`` (one test
        over all groups, on every row); NaN where there is nothing to test.

    Notes
    -----
    Shapiro-Wilk p < 0.05 in either group decides for Mann-Whitney in place of
    Student's t (two-sided); sex by Fisher's exact test of the groups x 2 table.
    """
    ages = {g: _ages(participants[participants[group] == g], age) for g in group_order}
    sexes = {g: count_sexes(participants[participants[group] == g], sex) for g in group_order}
    sex_p = fisher_exact(np.array(list(sexes.values())))
    rows = []
    for name in group_order:
        tested = reference in ages and name != reference
        test, p = compare_ages(ages[name], ages[str(reference)]) if tested else ("", float("nan"))
        male, female = sexes[name]
        mean, deviation = _mean_sd(ages[name])
        n = int((participants[group] == name).sum())
        sex_test = "Fisher exact" if np.isfinite(sex_p) else ""
        rows.append((name, n, mean, deviation, male, female, test, p, sex_test, sex_p))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(
        age_test=frame["age_test"].replace("", None), sex_test=frame["sex_test"].replace("", None)
    )


def compare_ages(first: Float, second: Float) -> tuple[str, float]:
    """Two-sided test of two samples: its name and p ("" and NaN under 3 values)."""
    if min(len(first), len(second)) < 3:
        return "", float("nan")
    if all(_normal(sample) for sample in (first, second)):
        return "Student t", float(stats.ttest_ind(first, second).pvalue)
    return "Mann-Whitney U", float(stats.mannwhitneyu(first, second).pvalue)


def t_test_from_summary(first: tuple[float, float, int], second: tuple[float, float, int]) -> float:
    """Two-sided p of Student's t from (mean, SD, n) of two groups."""
    return float(stats.ttest_ind_from_stats(*first, *second).pvalue)


def joint_demographics(
    sums: Mapping[str, Sequence[Mapping[str, Any]]], reference: str
) -> pd.DataFrame:
    """Describe groups of several sites from their sums.

    Parameters
    ----------
    sums : mapping of str to sequence of mapping
        By group, of each site: ``n``, ``age_n``, ``age_sum``, ``age_squares``, ``n_male``,
        ``n_female``; None where it is not told.
    reference : str

    Returns
    -------
    DataFrame
        Columns as `compare`; the test of age is always Student's t, and what one site does
        not tell is NaN.
    """

    def total(group: str, name: str) -> float:
        told = [site[name] for site in sums[group]]
        return float("nan") if None in told or not told else float(sum(told))

    ages, rows = {}, []
    for group in sums:
        n, mean = total(group, "age_n"), total(group, "age_sum") / (total(group, "age_n") or np.nan)
        spread = (total(group, "age_squares") - n * mean**2) / (n - 1 or np.nan)
        ages[group] = mean, float(np.sqrt(max(spread, 0.0))), n
    counts = np.array([[total(g, "n_male"), total(g, "n_female")] for g in sums])
    sex_p = fisher_exact(counts) if np.isfinite(counts).all() else float("nan")
    for group, (male, female) in zip(sums, counts.tolist(), strict=True):
        mean, spread, n = ages[group]
        tested = group != reference and reference in ages
        known = tested and bool(np.isfinite([*ages[group], *ages[reference]]).all())
        p = float(stats.ttest_ind_from_stats(*ages[group], *ages[reference])[1]) if known else None
        test = "Student t" if known else None
        sexes = "Fisher exact" if np.isfinite(sex_p) else None
        people = sum(site["n"] for site in sums[group])
        rows.append((group, people, mean, spread, male, female, test, p, sexes, sex_p))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def fisher_exact(counts: NDArray[Any]) -> float:
    """Fisher's exact test of an r x 2 table, by enumeration of all tables.

    Parameters
    ----------
    counts : ndarray of int, shape (group, 2)

    Returns
    -------
    float
        Sum of the probabilities, given the margins, of tables no more probable
        than this one; NaN where a margin leaves only one table.
    """
    table = np.asarray(counts, np.int64)
    sizes, first = table.sum(axis=1), int(table[:, 0].sum())
    if (sizes > 0).sum() < 2 or first in (0, int(sizes.sum())):
        return float("nan")
    observed = _log_ways(table[:, 0], sizes)
    ways = np.array([_log_ways(np.array(t), sizes) for t in _tables(sizes.tolist(), first)])
    likely = ways <= observed + 1e-7
    return float(min(np.exp(special.logsumexp(ways[likely]) - special.logsumexp(ways)), 1.0))


def count_sexes(participants: pd.DataFrame, column: str) -> tuple[int, int]:
    """Count the males and females; whoever is neither or unknown is in none."""
    if column not in participants:
        return 0, 0
    text = participants[column].map(_sex_code)
    return int(text.isin(MALE).sum()), int(text.isin(FEMALE).sum())


def _sex_code(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().lower()


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


def _log_ways(first: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    ways = special.gammaln(sizes + 1) - special.gammaln(first + 1)
    return float(np.sum(ways - special.gammaln(sizes - first + 1)))


def _tables(sizes: list[int], total: int) -> Iterator[list[int]]:
    """First columns of all tables with these row sums and this column sum."""
    if len(sizes) == 1:
        if total <= sizes[0]:
            yield [total]
        return
    for count in range(min(sizes[0], total) + 1):
        for rest in _tables(sizes[1:], total - count):
            yield [count, *rest]
