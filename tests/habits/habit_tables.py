"""What hospitals write into participants tables, and how they call folders and paths."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Sequence

from habit_case import FAULTY, SOUND, Case
from habit_dataset import LABELS, Dataset

IDS = [label.removeprefix("sub-") for label in LABELS]
GROUPS = "PPPCCC"


def ids(values: Sequence[str]) -> Callable[[Dataset], None]:
    """Write other ids into the table."""

    def change(dataset: Dataset) -> None:
        groups = [f"{label}\t{group}" for label, group in zip(values, GROUPS, strict=True)]
        dataset.rows(["participant_id\tgroup", *groups])

    return change


def text(change_of: Callable[[str], str]) -> Callable[[Dataset], object]:
    """Change the table's text."""
    return lambda d: d.table.write_text(change_of(d.table.read_text()))


def as_csv(
    mark: str, before: str, change_of: Callable[[str], str] = str
) -> Callable[[Dataset], None]:
    """Write the table as CSV with its mark, as Excel does."""

    def change(dataset: Dataset) -> None:
        rows = dataset.table.read_text().replace("\t", mark).replace("\n", "\r\n")
        content = f"\ufeff{before}{change_of(rows)}".encode()
        dataset.table.with_suffix(".csv").write_bytes(content)
        dataset.table.unlink()
        cohort = dataset.cohort.read_text()
        dataset.cohort.write_text(cohort.replace("participants.tsv", "participants.csv"))

    return change


def composed_otherwise(dataset: Dataset) -> None:
    """Name a person with an umlaut: one sign in the table, two in the names of files, as a Mac."""
    there = unicodedata.normalize("NFD", "sub-Müller")
    (dataset.root / "sub-02").rename(dataset.root / there)
    for path in (dataset.root / there / "anat").iterdir():
        path.rename(path.with_name(path.name.replace("sub-02", there)))
    text(lambda t: t.replace("sub-02", "sub-Müller"))(dataset)


def more_rows(*rows: str, setting: str = "") -> Callable[[Dataset], None]:
    """Add rows to the table."""

    def change(dataset: Dataset) -> None:
        dataset.rows([*dataset.table.read_text().splitlines(), *rows])
        if setting:
            dataset.setting(setting)

    return change


def column(name: str, values: Sequence[str], setting: str = "") -> Callable[[Dataset], None]:
    """Add a column, and a line of the cohort file."""

    def change(dataset: Dataset) -> None:
        dataset.column(name, values)
        if setting:
            dataset.setting(setting)

    return change


def moved(folder: str, *words: str) -> Callable[[Dataset], None]:
    """Put the dataset where its path holds what a command line trips over."""

    def change(dataset: Dataset) -> None:
        place = dataset.folder / folder
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(dataset.root, place)
        dataset.words += [f"source.root={place}", *words]

    return change


def mask_in(folder: str) -> Callable[[Dataset], None]:
    """Name a mask by a path with commas and quotes in it."""

    def change(dataset: Dataset) -> None:
        place = dataset.root / folder
        place.mkdir()
        dataset.mask("sub-01", "drawn.nii.gz").rename(place / "sub-01.nii.gz")
        dataset.words.append(f"source.lesion={folder}/{{label}}.nii.gz")

    return change


def sessions(
    own: Sequence[Sequence[str]], word: str = "", cells: Sequence[str] = ()
) -> Callable[[Dataset], None]:
    """Give everybody sessions of their own, and a column that names one."""

    def change(dataset: Dataset) -> None:
        for label, labels in zip(LABELS, own, strict=True):
            for session in labels:
                place = dataset.root / label / f"ses-{session}" / "anat"
                place.mkdir(parents=True)
                for name in ("T1w", "T2w"):
                    path = dataset.scan(label, f"ses-{session}_{name}.nii.gz")
                    path.rename(place / path.name)
            shutil.rmtree(dataset.root / label / "anat")
        if cells:
            dataset.column("visit", cells)
        dataset.words += [f"source.session={word}"] if word else []

    return change


def r_table(dataset: Dataset) -> None:
    """Write the table as R's write.table does when nothing else is asked for."""
    rows = [f'"{k}"\t"{s}"\t"{GROUPS[k - 1]}"' for k, s in enumerate(LABELS, 1)]
    dataset.rows(['"participant_id"\t"group"', *rows])


def groups_in_numbers(dataset: Dataset) -> None:
    """Write groups as numbers, one of them as a spreadsheet does."""
    rows = [f"{s}\t{value}" for s, value in zip(LABELS, ["1", "1", "1.0", *"222"], strict=True)]
    dataset.rows(["participant_id\tgroup", *rows])
    cohort = dataset.cohort.read_text()
    dataset.cohort.write_text(cohort.replace("{pat: P, hc: C}", "{pat: 1, hc: 2}"))


def groups(text: str) -> Callable[[Dataset], object]:
    """Write other groups into the cohort file."""
    return lambda d: d.cohort.write_text(d.cohort.read_text().replace("{pat: P, hc: C}", text))


def age_and_scan(dataset: Dataset) -> None:
    """Spoil the table, and a person's folder."""
    dataset.column("age", [*SIX_AGES[:5], "999"])
    dataset.path("sub-02", "T2w.nii.gz").unlink()


def levels_of_group(dataset: Dataset) -> None:
    """Explain the groups in a sidecar, as BIDS does."""
    (dataset.root / "participants.json").write_text(json.dumps({"group": {"Levels": {}}}))


SIX_AGES = ["61", "62", "63", "64", "65", "66"]
BEFORE_AFTER = [["1", "2"]] * 5 + [["2", "10"]]
AGE = "covariates: [age]"

CASES = [
    Case("a tab at the end of every row", text(lambda t: t.replace("\n", "\t\n")), SOUND),
    Case("tabs at the end of rows but not of the first",
         text(lambda t: t.replace("P\n", "P\t\t\n").replace("C\n", "C\t\n")), SOUND),
    Case("a comment before the names", text(lambda t: f"# exported in 2024\n\n{t}"), SOUND),
    Case("names that begin as a comment does", text(lambda t: f"#{t}"), FAULTY,
         ("has no column participant_id; it has #participant_id, group. Rename #participant_id",)),
    *(Case(f"a workbook that begins with {start!r}", lambda d, start=start: d.table.write_bytes(
        start + bytes(500)), FAULTY,
           ("participants.tsv is an Excel workbook; save it as tab-separated UTF-8 text.",))
      for start in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")),
    *(Case(f"ids with {what} in place of a hyphen",
           ids([label.replace("-", sign) for label in LABELS]), SOUND)
      for what, sign in (("a dash", "\u2013"), ("a blank", " "), ("a minus", "\u2212"))),
    Case("a blank within an id", ids([*LABELS[:5], "sub-0 6"]), FAULTY,
         ("participant_id='sub-0 6' cannot be part of a file's name",)),
    *(Case(f"CSV by Excel that begins with sep={mark}", as_csv(mark, f"sep={mark}\r\n"), SOUND)
      for mark in (";", ",")),
    Case("CSV with a comment of quotes", as_csv(",", '# "exported\r\n'), SOUND),
    Case("a fault in CSV that begins with sep=;", as_csv(
        ";", "sep=;\r\n", lambda t: t.replace("sub-03;P", "sub-03;P;x")), FAULTY,
         ("participants.csv: row 5 has 3 cells",)),
    Case("ids without sub-", ids(IDS), SOUND),
    Case("an umlaut in two Unicode forms", composed_otherwise, SOUND,
         ("6 T1w, 6 T2w",), ("without a row",)),
    Case("ids with and without sub-", ids([LABELS[0], *IDS[1:]]), SOUND),
    Case("ids with other zeros", ids([label.replace("-0", "-") for label in LABELS]), FAULTY,
         ("none of 6 people can be processed",
          "there is no folder sub-1 in source.root, but sub-01",
          "Change the participant_id to match the folder")),
    Case("an id with more zeros", ids([*LABELS[:5], "sub-006"]), FAULTY,
         ("sub-006: there is no folder", "in source.root, but sub-06")),
    Case("an id in capitals", ids([*LABELS[:5], "SUB-06"]), FAULTY, ("but sub-06",)),
    Case("an id that a spreadsheet made a number", ids([*LABELS[:5], "6.0"]), FAULTY,
         ("but sub-06",)),
    Case("an id with its session", ids([*LABELS[:5], "sub-06_ses-1"]), FAULTY, ("but sub-06",)),
    Case("an id that no folder has", more_rows("sub-17\tP"), FAULTY,
         ("sub-17: there is no *_T1w.nii.gz", "cohort.exclude")),
    Case("a folder that no row has", lambda d: d.scan("sub-99", "T1w.nii.gz"), SOUND,
         ("not studied, folders in source.root without a row in participants.tsv: 1 (sub-99)",)),
    Case("a person twice", more_rows("sub-06\tC"), FAULTY,
         ("repeats the person of row 8", "source.session={column}")),
    Case("an id column of another name", text(lambda t: t.replace("participant_id", "Subject ID")),
         FAULTY, ("has no column participant_id; it has Subject ID, group", "Rename Subject ID")),
    Case("a group that the cohort does not name", more_rows("sub-07\tX", "sub-08\tn/a"), SOUND,
         ("not studied, in none of the cohort's groups: 2 of 8 rows of participants.tsv: "
          "group=X: 1 (sub-07); group=n/a: 1 (sub-08)",)),
    Case("a group in another spelling", more_rows("sub-07\tp"), FAULTY,
         ("group='p' in row 8 (sub-07): in none of the groups, but similar to P",)),
    Case("an excluded id with other zeros", lambda d: d.setting("exclude: [sub-6]"), FAULTY,
         ("lists labels that are not in participants.tsv (1): sub-6 (sub-06 exists)",)),
    Case("asked for by an id with other zeros",
         lambda d: d.words.extend(["level=participant", "labels=[sub-1]"]), FAULTY,
         ("labels (1) that are not among the 6 people in the dataset: sub-1 (sub-01 "
          "exists)",)),
    Case("row names of R", r_table, SOUND),
    Case("a mark of no width in an id", text(lambda t: t.replace("sub-03", "sub-\u200b03")), SOUND),
    Case("a number of a group in another form", groups_in_numbers, FAULTY,
         ("group='1.0' in row 4 (sub-03): in none of the groups, but similar to 1",)),
    Case("somebody is excluded", lambda d: d.setting("exclude: [sub-06]"), SOUND,
         ("excluded by cohort.exclude: 1 (sub-06)",)),
    Case("codes for ages as a covariate", column("age", ["999", "-9", "0", "-1", "64", "65"], AGE),
         FAULTY,
         ("participants.tsv: age='999' in row 2 (sub-01), age='-9' in row 3 (sub-02), "
          "age='0' in row 4 (sub-03), age='-1' in row 5 (sub-04) is not an age in years",)),
    Case("codes for ages", column("age", ["9999", "888", "0.0", "-99.0", "64", "n/a"]), FAULTY,
         ("age='0.0' in row 4 (sub-03), age='-99.0' in row 5 (sub-04) is not an age in years "
          "(above 0, at most 122)",)),
    Case("a bad age and a missing scan are said at once", age_and_scan, FAULTY,
         ("2 problems:", "age='999' in row 7 (sub-06)", "sub-02: there is no *_T2w.nii.gz")),
    *(Case(f"ages in a column called {name}", column(name, SIX_AGES), SOUND,
           ("column age, read as number: 61 to 66 (known: 3 pat, 3 hc)",))
      for name in ("Age", "AGE")),
    Case("a code in a column called Age", column("Age", [*SIX_AGES[:5], "999"]), FAULTY,
         ("participants.tsv: Age='999' in row 7 (sub-06) is not an age in years",)),
    *(Case(f"sex in a column called {name}", column(name, [*"MFMFMF"]), SOUND,
           ("column sex, read as levels: F (3), M (3)",))
      for name in ("Sex", "gender", "Gender")),
    Case("age at onset in a column in capitals",
         column("Age_at_Onset", ["9999", *["n/a"] * 5]), FAULTY,
         ("Age_at_Onset='9999' in row 2 (sub-01) is not an age",)),
    Case("ages in months", column("age", [f"{12 * int(age)}" for age in SIX_AGES]), FAULTY,
         ("age='732' in row 2 (sub-01)", "and 1 more is not an age in years")),
    Case("age in a column of another name", column("Age_at_scan", [*SIX_AGES[:5], "-9"],
         "covariates: "
         "[Age_at_scan]"), FAULTY, ("Age_at_scan='-9' in row 7 (sub-06) is not an age",)),
    Case("age at onset 999", column("age_at_onset", [*SIX_AGES[:2], "999", "n/a", "n/a", "n/a"]),
         FAULTY, ("age_at_onset='999' in row 4 (sub-03) is not an age",)),
    Case("ages of infants", column("age", ["0.1", "0.5", "1", "1.2", "2", "3"], AGE), SOUND),
    Case("age groups", column("age_group", [*"010101"], "covariates: [age_group]"), SOUND),
    Case("missing ages", column("age", [*SIX_AGES[:5], "n/a"]), SOUND,
         ("column age, read as number: 61 to 65 (known: 3 pat, 2 hc)",)),
    *(
        Case(f"levels of a covariate as {levels[0]} and {levels[1]}",
             column("scanner", [levels[0], levels[1], *"abab"], "covariates: [scanner]"), FAULTY,
             (f"column scanner spells one level in several ways ('{levels[0]}', '{levels[1]}')",))
        for levels in (("TRUE", "true"), ("Trio Tim", "TrioTim"), ("GE-1", "ge1"))
    ),
    Case("ages with units", column("age", ["61 y", *SIX_AGES[1:]], AGE), FAULTY,
         ("age='61 y' in row 2 (sub-01) is not a number; write the number alone",),
         ("cohort.categorical",)),
    Case("a quote that is not closed", text(lambda t: t.replace("sub-03\tP", 'sub-03\t"P')), FAULTY,
         ("in none of the groups, but similar to P",)),
    Case("a code in another covariate", column("score", [*"12345", "-99"], "covariates: [score]"),
         SOUND, ("column score holds -99 for 1 (sub-06), the others are 1 to 5",)),
    Case("a score that may be negative", column("score", ["-3", *"12345"], "covariates: [score]"),
         SOUND, (), ("is a code of missing values",)),
    *(
        Case(f"a dataset in {folder}", moved(folder), SOUND)
        for folder in ("a, b/bids", "O'Brien's (old/bids", "a=b, {c}/bids")
    ),
    Case("a lesion mask in a folder with commas and quotes", mask_in("masks, 'old' (1)"), SOUND,
         ("1 lesion masks (1 by source.lesion)",)),
    Case("sessions, not chosen", sessions(BEFORE_AFTER), FAULTY,
         ("2 T1w images match", "source.session")),
    Case("the first session", sessions(BEFORE_AFTER, "first"), SOUND, ("6 T1w, 6 T2w",)),
    Case("the last session", sessions(BEFORE_AFTER, "last"), SOUND, ("6 T1w, 6 T2w",)),
    Case("first of sessions without an order", sessions([["pre", "post"]] * 5 + [["pre"]], "first"),
         FAULTY, ("source.session=first: the labels of sessions post, pre have no "
                  "order", "{column}")),
    Case("sessions by a column",
         sessions(BEFORE_AFTER, "{visit}", ["1", "2", "ses-1", "2", "1", "10"]), SOUND,
         ("6 T1w, 6 T2w",)),
    Case("a session of the column that is not there",
         sessions(BEFORE_AFTER, "{visit}", ["1", "2", "01", "2", "1", "10"]), FAULTY,
         ("sub-03: no T1w image is left by source.session={visit} (ses-01)", "_ses-1_T1w.nii.gz")),
    Case("sessions by a column that is n/a for somebody of two",
         sessions(BEFORE_AFTER, "{visit}", ["1", "2", "n/a", "2", "1", "10"]), FAULTY,
         ("sub-03: source.session={visit} is n/a, but there are sessions 1, 2.",)),
    Case("a column of sessions that is not there", sessions(BEFORE_AFTER, "{timepoint}"), FAULTY,
         ("source.session={timepoint}: participants.tsv has no column timepoint; it has",)),
    Case("a group without a name", groups("{null: P, hc: C}"), FAULTY,
         ("groups: Incompatible key type 'NoneType'; quote names that YAML does not read as "
          "text",)),
    Case("a group named true", groups("{true: P, hc: C}"), FAULTY,
         ("cohort.groups.1=True: write it as text, in quotes",)),
    Case("a group of two values", groups("{pat: [P, Q], hc: C}"), FAULTY,
         ("cohort.groups.pat takes one value of cohort.group_column",)),
    Case("a sidecar of the table", levels_of_group, SOUND),
]  # fmt: skip
