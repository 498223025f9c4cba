"""Wrong command lines, YAMLs and tables: each answer is a line or two that names the fix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.cli.overrides import prepared

GOOD = """name: small
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
"""
ROWS = [
    "participant_id\tgroup\tage\tsex\tshoe\tempty\tword\thalf\tgender\tlost",
    *(
        f"sub-{i:02d}\t{'P' if i < 5 else 'C'}\t{40 + i}\tF\t{int(i < 5)}\tn/a\tw{i}"
        f"\t{ {1: 'inf', 2: 'x'}.get(i, i) }\t{1 + i % 2}\t{'NaN' if i == 4 else i * i}"
        for i in range(10)
    ),
]
TABLE = "\n".join(ROWS) + "\n"


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("study") / "maps"
    root.mkdir()
    affine = np.diag([12.0, 12, 12, 1])
    affine[:3, 3] = (-98, -134, -72)
    for i in range(10):
        data = np.random.default_rng(i).normal(1.5, 0.1, (16, 20, 16)).astype(np.float32)
        nib.Nifti1Image(data, affine).to_filename(root / f"sub-{i:02d}_T1wT2wratio.nii.gz")
    (root.parent / "studies" / "cohort").mkdir(parents=True)
    return root


def answer(
    images: Path, capsys, *words: str, yaml: str = GOOD, table: str | bytes = TABLE
) -> tuple[int, str]:
    (images.parent / "studies" / "cohort" / "small.yaml").write_text(yaml)
    content = table if isinstance(table, bytes) else table.encode()
    (images / "participants.tsv").write_bytes(content)
    base = {
        "source": "maps", "source.root": str(images), "output_dir": "out", "storage.url": "lake",
    }  # fmt: skip
    given = {word.split("=", 1)[0].lstrip("+") for word in words}
    kept = [f"{key}={value}" for key, value in base.items() if key not in given]
    start = ["--config-dir", str(images.parent / "studies"), "+cohort=small"]
    code = command([*start, *kept, *words, "dry_run=true"])
    return code, capsys.readouterr().err


def judge(code: int, text: str, said: str, folder: Path) -> None:
    lines = [line for line in text.splitlines() if "SIMULATED DATA" not in line]
    assert code == 2, text
    assert said in text
    assert 1 <= len(lines) <= 2, text
    assert "Traceback" not in text
    assert "Error:" not in text
    assert list(folder.iterdir()) == []


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RT1T2_DEBUG", raising=False)
    return tmp_path


LINES = [
    ("smooth.fwhm=3", "did you mean smooth.fwhm_mm?"),
    ("smoth.fwhm_mm=3", "did you mean smooth.fwhm_mm?"),
    ("fwhm_mm=3", "did you mean smooth.fwhm_mm?"),
    ("storage.secret=abc", "storage has url"),
    ("smooth.fwhm_mm=-3", "smooth.fwhm_mm=-3: must be greater than or equal to 0"),
    ("smooth.fwhm_mm=ten", "must be a valid number"),
    ("smooth.fwhm_mm", "smooth.fwhm_mm needs a value"),
    ("smooth.fwhm_mm = 8", "without spaces"),
    ("smooth.fwhm_mm=3=4", "in quotes"),
    ("smooth.fwhm_mm=6,8", "sweep over them with -m"),
    ("contrast.p=5", "must be less than 0.5"),
    ("contrast.p=0,001", "a decimal with a point"),
    ("contrast.mask=nowhere.nii", "contrast.mask=nowhere.nii: there is no such file"),
    ("cluster=sge", "choose from address, auto"),
    ("cluster.workers=-1", "cluster.workers=-1: must be greater than or equal to 1"),
    ("cluster.walltime=2 hours", "as 12:00:00"),
    ("permute.tail=gpd permute.n=999", "permute.n=999: a tail is fitted"),
    ("permute.statistic=tfce", "write a list, as [tfce]"),
    ("permute.statistic=[max_t,tfce", "a bracket is not closed"),
    ("permute.method=freedman-lane", "'freedman_lane' or 'smith'"),
    ("template.space=MNI", "'MNI152NLin2009aSym'"),
    ("overwrite=perhaps", "overwrite='perhaps': write true or false"),
    ("receptors.maps=[nope]", "nope"),
    ("receptors.atlas={image: a.nii, table: b.tsv}", "a.nii: there is no such file"),
    ("cohort.contrasts.patVsHc=[pat,pat]", "with itself; name two groups"),
    ("cohort.contrasts.more=[pat,who]", "names who, which is not one of the groups pat, hc"),
    ("cohort.contrasts.patVsHc=pat", "write [first, second]"),
    ("cohort.covariates=age", "write a list, as [age]"),
    ("cohort.covariates=[iq]", "use iq, which is not a column"),
    ("cohort.covariates=[shoe]", "shoe"),
    ("cohort.covariates=[ratio_white]", "ratio_white is what contrasts test, so it is no"),
    ("cohort.covariates=[word]", "combination"),
    ("cohort.covariates=[half]", "half='inf' in row 3 (sub-01), half='x' in row 4 (sub-02) are"),
    ("cohort.covariates=[gender]", "gender='1' in row 2 (sub-00) is not understood, 10 such rows"),
    ("cohort.covariates=[lost]", "lost is missing for 1 of 10 participants (sub-04)"),
    ("cohort.covariates=[empty]", "empty is missing for 10 of 10"),
    ("cohort.categorical=[Lost]", "cohort.categorical uses Lost, which is not a column"),
    ("cohort.onset_column=onset", "cohort.onset_column uses onset, which is not a column"),
    (
        "cohort.site_column=lost",
        "cohort.site_column lost is missing for 1 of 10 participants (sub-",
    ),
    ("cohort.exclude=[3]", "in quotes"),
    ("cohort.exclude=[sub-99]", "sub-99"),
    ("cohort.groups.pat=p", "upper and lower case differ"),
    ("normalise=derivatives", "normalise=derivatives needs source=derivatives"),
    ("source=bids,dicom", "a comma separates several values"),
    ("stage=smooth", "go together"),
    ("output_dir=/dev/null/out", "is a file; set it to a folder"),
    ("output_dir=/proc/nope", "/proc cannot be written"),
    ("storage.url=/dev/null/lake", "is a file; set it to a folder"),
    ("storage.url=ftp://host/lake", "s3://"),
    ("~cohort", "choose from chronic_pain, pain, psp"),
    ("psp", "did you mean +cohort=psp?"),
    ("--workers 3", "settings are written key=value"),
    ("site.model=combt", "'none', 'covariate' or 'combat'"),
    ("site.model=combat", "set cohort.site_column or cohort.sites"),
    ("site.splines=2", "greater than or equal to 4"),
    ("site.smooth=age", "write a list, as [age]"),
    ("cohort.site_column=centre", "centre, which is not a column"),
    ("cohort.sites=[north,south]", "write it as {name: value, ...}"),
    ("cohort.sites.north.root=a", "cohort.sites.north.root"),
    ("labels=[sub-01]", "for level=participant"),
    ("level=subject", "'study', 'participant' or 'dataset'"),
    ("stage=nope part=1", "stage=nope: there is none; choose from template"),
    ("allow_failures=ture", "write true or false"),
    ("output_dir=", "it is empty; set a path or URL"),
    ("smooth.edge=a'b'c", "cannot be parsed; put the value in quotes"),
    ("output_dir=${HOME}/out", "${oc.env:NAME}"),
    ("output_dir=lake", "output_dir=lake is the lake"),
    ("source.kind=bids", "choose it with its other settings, source=bids"),
    ("cluster.address=host:1", "needs cluster=address"),
    ("cohort.exclude=[sub-01,,]", "cohort.exclude=[sub-01,,]: cannot be parsed"),
    ("quality.limits.brain_ml=[3,2]", "3 is above 2"),
    ("report.slices=[{name: x, mm: [1,2]}]", "report.slices.0.mm.2 is missing"),
]


@pytest.mark.parametrize(("word", "said"), LINES)
def test_wrong_command_lines(images, capsys, here, word, said):
    words = word.split(" ") if word.startswith(("--", "stage=nope", "permute.tail")) else [word]
    judge(*answer(images, capsys, *words), said, here)


REGIONAL = [
    ("similarity.least_regions=2", "less than or equal to 1"),
    ("similarity.outliers=drop", "'report' or 'leave_out'"),
    ("similarity.maps=depression.tsv", "write it as {name: value, ...}"),
    ("similarity.feature=[volume]", "did you mean similarity.features?"),
    ("transcriptome.spins=alexander", "'vasa' or 'nearest'"),
    ("transcriptome.components=500", "less than or equal to 5"),
    ("transcriptome.gene_sets=nope.gmt", "write a list, as [nope.gmt]"),
    ("method=recommended", "no group OA"),
    ("level=participant", "not for regional tables"),
    ("source=morphometry", "source.root is missing"),
]


@pytest.mark.parametrize(("word", "said"), REGIONAL)
def test_wrong_settings_of_regional_tables(capsys, here, word, said):
    judge(command(["+cohort=chronic_pain", word]), capsys.readouterr().err, said, here)


@pytest.mark.parametrize("action", ["status", "verify", "gc"])
def test_upkeep_of_a_place_without_a_lake(capsys, here, action):
    judge(command([f"lake={action}", "storage.url=nowhere"]), capsys.readouterr().err,
          "there is no lake", here)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "value"),
    [("source.lesion=masks/{label}.nii.gz", "masks/{label}.nii.gz"),
     ("source.lesion=~/Müller (2)/{id}#1.nii", "~/Müller (2)/{id}#1.nii"),
     ("source.lesion='{id} is quoted'", "{id} is quoted"), ("source.lesion=null", None)],
)  # fmt: skip
def test_paths_are_taken_as_they_are(word, value):
    words = prepared(["+cohort=psp", "source=bids", "source.root=data", word], (), sweep=False)
    assert _configure(Job(tuple(words))).source.lesion == value


YAMLS = [
    ("", "the cohort file is empty"),
    (GOOD + "exclude: [\n", "a bracket or quote is not closed"),
    (GOOD + "exclude:\n\t- sub-01\n", "line 6: found character '\\t'"),
    ("name small\n" + GOOD, "a line above lacks a colon"),
    (GOOD + "group_column: sex\ncovariates: [group]\n", "cannot use the column group of partic"),
    (GOOD + "name: other\n", "keep one of the two"),
    (GOOD + "covariate: [age]\n", "did you mean cohort.covariates?"),
    (GOOD.replace("reference: hc\n", ""), "cohort.reference is missing"),
    (GOOD.replace("reference: hc", "reference: C"), "write groups as name: value"),
    (GOOD.replace("{pat: P, hc: C}", "[P, C]"), "write it as {name: value, ...}"),
    (GOOD.replace("pat: P", "pat: C"), "two groups have the value C"),
    (GOOD.replace("patVsHc", "pat_vs_hc"), "use letters and digits only"),
    (GOOD.replace("[pat, hc]", "{groups: [pat, hc]}"), "set test: two_sample"),
    (GOOD.replace("[pat, hc]", "{test: paired, groups: [pat, hc]}"), "pair is missing"),
    (GOOD.replace("[pat, hc]", "{formula: '~ log(age)', of: age}"), "column names with + -"),
    (GOOD.replace("pat: P", "pat: yes"), "YAML reads this value as True; write it in quotes"),
    (GOOD.replace("pat: P", "pat: NA"), "NA is read as missing"),
    (
        GOOD.replace("[pat, hc]", "{test: two_sample, groups: [pat, hc], block: lost}"),
        "block lost is missing for 1 of 10 participants (sub-04)",
    ),
    (GOOD.replace("name: small", "name: my study"), "letters, digits, _ and - only"),
]


@pytest.mark.parametrize(("yaml", "said"), YAMLS)
def test_wrong_cohort_files(images, capsys, here, yaml, said):
    judge(*answer(images, capsys, yaml=yaml), said, here)


TABLES = [
    (TABLE.replace("\t", ","), "Columns are separated by tabs"),
    ("", "save it as tab-separated UTF-8 text"),
    (TABLE.replace("word", "Wört").encode("latin-1"), "save it as tab-separated UTF-8 text"),
    (TABLE.replace("\tw3", ""), "row 5 has 9 cells, the header has 10 columns"),
    (TABLE.replace("sub-03", "sub-0/3"), "cannot be part of a file's name"),
    (TABLE.replace("sub-03", "sub-" + "3" * 264), "at most 150 fit in file names"),
    (ROWS[0] + "\n", "its values: none"),
    (TABLE + ROWS[1] + "\n", "row 12; keep one row"),
    (TABLE.replace("\t44\t", "\tforty\t"), "age='forty' in row 6 (sub-04) is not a number"),
    (TABLE.replace("group", "diagnosis"), "has no column group (cohort.group_column)"),
]
# What YAML makes of a value without quotes is no value of the table.
CHANGED = [("010", "8"), ("1e3", "1000.0"), ("1.10", "1.1"), ("0x1F", "31"), ("01", "1")]


WELL = [
    (TABLE.encode("utf-16"), GOOD),
    (b"\xef\xbb\xbf" + TABLE.replace("\n", "\t\t\r\n").encode(), GOOD),
    (TABLE.replace("\n", " \r"), GOOD + "covariates:\nexclude:\n"),
    (TABLE.replace("\tP\t", "\tMe\u0301nie\u0300re\t"), GOOD.replace("pat: P", "pat: Ménière")),
    (TABLE.replace("\tP\t", "\tMénière\t"), GOOD.replace("pat: P", "pat: Me\u0301nie\u0300re")),
    (TABLE.replace("\t4", "\t6,"), GOOD + "covariates: [age]\n"),
    (TABLE + "sub-77\tother\tunknown\tX\t?\t\t\t\t\t\nsub-a/b\tother\t89+\t\t\t\t\t\t\t\n", GOOD),
    (TABLE, GOOD + "covariates: [half]\ncategorical: [half]\nadjusted:\n"),
]


@pytest.mark.parametrize(("table", "yaml"), WELL)
def test_tables_in_which_nothing_is_wrong(images, capsys, here, table, yaml):
    code, text = answer(images, capsys, yaml=yaml, table=table)
    few_left = "combination" in text or "degrees" in text
    assert code == 0 or ("categorical: [half]" in yaml and few_left), text


@pytest.mark.parametrize(("table", "said"), TABLES)
def test_wrong_tables(images, capsys, here, table, said):
    judge(*answer(images, capsys, table=table), said, here)


@pytest.mark.parametrize(("cell", "value"), CHANGED)
def test_a_group_that_yaml_changes(images, capsys, here, cell, value):
    table, yaml = TABLE.replace("\tP\t", f"\t{cell}\t"), GOOD.replace("pat: P", f"pat: {cell}")
    code, text = answer(images, capsys, yaml=yaml, table=table)
    judge(code, text, "write the value in quotes", here)
    assert f"cohort.groups.pat={value}" in text
    quoted = GOOD.replace("pat: P", f"pat: '{cell}'")
    assert answer(images, capsys, yaml=quoted, table=table)[0] == 0


def test_a_study_without_plus_is_understood(here, capsys):
    assert command(["cohort=psp", "dry_run=true"]) == 0
    assert "psp (SIMULATED): 29 people" in capsys.readouterr().out


def test_a_real_process_answers_in_a_line_and_leaves_with_2(here):
    env = {k: v for k, v in os.environ.items() if k != "RT1T2_DEBUG"}
    done = subprocess.run(
        [sys.executable, "-m", "rt1t2_dask", "+cohort=psp", "--colour"],
        capture_output=True, text=True, check=False, env=env, cwd=here,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "rt1t2-dask: unrecognized arguments: --colour; settings are written key=value, the study "
        "+cohort=NAME."
    ]
