"""Studies of three sites, from their folders of maps to the tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed
from three_sites import NAMES, Parts, words

from rt1t2_dask.cli.command_line import Job, _configure, _search_path, _study, command
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.outputs.image_study import group_keys
from rt1t2_dask.pipelines.people.table import read_table
from rt1t2_dask.pipelines.share.plan import own_site
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.balance import site_warnings
from rt1t2_dask.pipelines.sites.study import read_everybody
from rt1t2_dask.sites.meta import combine
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.upkeep import gc


@pytest.fixture(scope="module")
def placed(three):
    return Parts(three, "placed")


def refusal(base: Path, cohort: str, *more: str) -> str:
    with pytest.raises(UserError) as caught:
        Parts(base, cohort, *more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.heavy
def test_sites_apart_give_what_one_folder_gives(three, placed):
    one = Parts(three, "one")
    assert np.isfinite(placed.map("stat_t")).sum() > 5000
    np.testing.assert_array_equal(placed.map("stat_t"), one.map("stat_t"))
    design = placed.contrasts["patVsHc"].design
    assert design.names == ("pat", "hc", "age", "site[south]", "site[west]")
    assert sorted(set(design.blocks)) == list(NAMES)


@pytest.mark.heavy
@pytest.mark.slow
def test_a_site_elsewhere_hands_over_smoothed_maps_and_regions_only(three, tmp_path):
    own = f"cohort.sites.west.storage.url={tmp_path / 'west'}"
    drawn = ("report.figures=true", "report.dpi=72", "report.svg=false")
    out = words(three, "placed", "elsewhere", "permute.n=0", *drawn, f"+{own}")
    out = [w for w in out if not w.startswith("storage.url=")] + [
        f"storage.url={tmp_path / 'lake'}"
    ]
    assert command(out) == 0
    assert undescribed(three / "elsewhere") == []
    made = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "west/parts").iterdir()}
    assert made == {"template": 1, "map": 12, "smooth": 12, "parcels": 12}
    moved = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "lake/parts").iterdir()}
    assert (moved["map"], moved["smooth"], moved["parcels"]) == (24, 36, 36)
    for lake in (Lake(str(tmp_path / "west")), Lake(str(tmp_path / "lake"))):
        assert gc(lake, older_than_s=-1, dry_run=True).parts == []
    clusters = three / "elsewhere/group/contrast-patVsHc_desc-meta_clusters.tsv"
    assert "negative" in set(pd.read_csv(clusters, sep="\t")["sign"])
    page = (three / "elsewhere/report.html").read_text()
    assert "site explains" in page
    assert list((three / "elsewhere/figures").glob("*.png"))
    assert "Every site has its own mean" in page
    written = {p.name for p in (three / "elsewhere").glob("sub-*") if p.is_dir()}
    assert len(written) == 24
    assert not any(name.startswith("sub-w") for name in written)


@pytest.mark.heavy
def test_combat_takes_gain_and_offset_out(three, placed):
    parts = Parts(three, "placed", "site.model=combat", "site.smooth=[age]", "site.splines=4")
    record = parts.lake.record(parts.combat.part)
    assert record["site_share_before"] > 0.8
    assert record["site_share_after"] < 0.1
    sites = ("site[south]", "site[west]")
    assert parts.contrasts["patVsHc"].design.names == ("pat", "hc", "age", *sites)
    t = parts.map("stat_t")
    assert np.nanmedian(t[16:18, 19:21, 19:21]) < -4
    assert abs(np.nanmean(t[:, :10])) < 1


def warnings(base: Path, *more: str) -> tuple[list[str], list[str]]:
    """What is said of the sites of a study, and the columns of its last contrast."""
    asked = words(base, "one", "none", "site.model=combat", *more)
    config = _configure(Job(tuple(_search_path(asked[1]) + asked[2:])))
    people = read_everybody(config)
    design = build(list(config.every_contrast().values())[-1], people, config.cohort.reference)
    return site_warnings(config, people), list(design.names)


def test_unbalanced_groups_are_said_with_their_numbers(three, capsys):
    left_out = [f"n{k:02d}" for k in (0, 2, 4, 6)] + [f"s{k:02d}" for k in (1, 3, 5, 7)]
    assert warnings(three, f"+cohort.exclude=[{','.join(left_out)}]")[0] == []
    asked = f"+cohort.exclude=[{','.join([*left_out, 'n08', 's09'])}]"
    said = (
        "Groups are unbalanced over sites, pat and hc (north: 1 and 6; south: 6 and 1; "
        "west: 6 and 6): sites explain 27 % of the variance of group membership. With site in "
        "the model this costs precision, 1.17 times the standard error; without it, site effects "
        "are confounded with group."
    )
    assert warnings(three, asked)[0] == [said]
    code, text = checked(three, "one", capsys, "site.model=combat", asked)
    assert code == 0
    assert text.count(f"note: {said}") == 1


def test_a_formula_after_combat_is_asked_for_the_site(three):
    form = "+cohort.contrasts.f={formula: group + age, of: group}"
    said, names = warnings(three, form)
    assert "Contrast f: ComBat used degrees of freedom" in said[0]
    said, names = warnings(three, form.replace("group + age,", "group + age + site,"))
    assert said == []
    assert any("site" in name for name in names)


@pytest.mark.heavy
def test_what_is_site_is_mapped_where_nothing_takes_it_out(three, placed):
    effects = placed.lake.read(placed.site_effects.part)
    raw = Parts(three, "placed", "site.model=combat").combat.part
    combat = placed.lake.read(raw)["site_share_before"].to_numpy()
    np.testing.assert_allclose(effects["site_share_before"].to_numpy(), combat, rtol=1e-6)


@pytest.mark.heavy
def test_provenance_names_every_part_of_the_group_half(three):
    plan = Parts(three, "placed", "site.model=combat", "permute.n=300").plan
    said = json.dumps(group_keys(plan))
    tasks = plan.tasks()
    stages = {task.stage for task in tasks}
    assert {"combat", "meta", "detectable", "parcel_contrast", "cluster_effects"} <= stages
    assert all(task.part.key in said for task in tasks)


@pytest.mark.heavy
def test_harmonised_maps_are_those_of_the_science(three):
    parts = Parts(three, "placed", "site.model=combat", "site.reference=south")
    learnt, rest = parts.combat, parts.harmony[parts.harmony.index(parts.combat) + 1 :]
    person = next(k for k, task in enumerate(rest[::2]) if task.settings.site == 1)
    after = to_volume(parts.lake.read(rest[2 * person].part)["smoothed"]).data
    before = to_volume(parts.lake.read(rest[2 * person].parents["smooth"])["smoothed"]).data
    kept = np.isfinite(after)
    assert kept.sum() > 5000
    np.testing.assert_allclose(after[kept], before[kept], rtol=1e-5)
    shape = parts.lake.read(learnt.part)["combat_gamma"].shape
    assert shape[0] == 3


def test_meta_analysis_is_that_of_the_sites_own_contrasts(three, placed):
    plan = placed.meta["patVsHc"]
    assert plan.sites == NAMES
    own = [placed.lake.read(task.part) for task in plan.contrasts]
    effects = np.stack([data["stat_effect"].to_numpy().ravel() for data in own])
    errors = np.stack([data["stat_se"].to_numpy().ravel() for data in own])
    found = placed.lake.read(plan.meta.part)
    dof = np.stack([data["stat_dof"].to_numpy().ravel() for data in own])
    wanted = combine(*(values.astype(float) for values in (effects, errors)), dof=dof)
    np.testing.assert_allclose(found["stat_t"].to_numpy().ravel(), wanted.z, rtol=1e-5)
    np.testing.assert_allclose(found["stat_i2"].to_numpy().ravel(), wanted.i2, atol=1e-6)
    z = to_volume(found["stat_t"]).data
    assert np.nanmedian(z[16:18, 19:21, 19:21]) < -4
    rows = table_of(placed.lake, plan.clusters.part, "clusters.tsv")
    assert (rows["sign"] == "negative").any()


def test_what_is_left_without_any_one_site_is_that_of_the_others(placed):
    """The z nearest to zero, or past it, of the three analyses of two sites."""
    plan = placed.meta["patVsHc"]
    own = [placed.lake.read(task.part) for task in plan.contrasts]
    effects, errors, dof = (
        np.stack([data[f"stat_{name}"].to_numpy().ravel().astype(float) for data in own])
        for name in ("effect", "se", "dof")
    )
    pairs = [[0, 1], [0, 2], [1, 2]]
    left = np.stack([combine(effects[k], errors[k], dof=dof[k]).z for k in pairs])
    found = placed.lake.read(plan.meta.part)
    side = np.sign(found["stat_z"].to_numpy().ravel())
    everywhere = np.isfinite(effects).all(axis=0)
    wanted = (side * (side * left).min(axis=0))[everywhere]
    least = found["stat_least"].to_numpy().ravel()[everywhere]
    np.testing.assert_allclose(least, wanted, rtol=1e-4, atol=1e-5)
    assert everywhere.sum() > 5000


def change(base: Path, site: str, **columns) -> Path:
    """Another folder of one site with a changed participants table."""
    folder = base / f"{site}-{'-'.join(columns)}"
    shutil.copytree(base / "data" / site, folder, dirs_exist_ok=True)
    rows = pd.read_csv(base / "data" / site / "participants.tsv", sep="\t")
    for name, how in columns.items():
        rows[name] = rows[name].map(how)
    rows.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return folder


def test_what_sites_cannot_share_is_said_in_one_line(three):
    def at_west(folder: Path | str, *more: str) -> str:
        return refusal(three, "placed", f"cohort.sites.west.source.root={folder}", *more)

    assert "site west: participants.tsv is not in source.root" in at_west(three / "nowhere")
    assert "both have sub-n00" in at_west(three / "data" / "north")
    said = at_west(
        change(three, "west", sex=lambda s: {"M": 1, "F": 0}[s]), "cohort.covariates=[age,sex]"
    )
    assert "site west: participants.tsv: sex='1' in row 2 (sub-w00) is not understood" in said
    said = at_west(change(three, "west", group=lambda g: "C"))
    assert said.startswith("site west has people of hc only")
    said = at_west(change(three, "west", age=lambda a: "old"))
    assert said.startswith("site west: participants.tsv: age='old' in row 2")
    said = refusal(three, "placed", "+cohort.sites.west.calibration.kind=gm_median")
    assert "their units differ" in said
    said = refusal(
        three, "placed", "site.model=combat", "+cohort.exclude=[w00,w01,w02,w04,w05,w06,w07,w08]"
    )
    assert "site west has 4 people; ComBat" in said


@pytest.mark.heavy
def test_another_grid_names_the_site(three, placed):
    folder = three / "west-grid"
    shutil.copytree(three / "data" / "west", folder)
    for path in folder.glob("*.nii.gz"):
        image = nib.load(path)
        nib.Nifti1Image(np.asarray(image.dataobj)[:-1], image.affine).to_filename(path)
    asked = words(three, "placed", "grid", f"cohort.sites.west.source.root={folder}")
    with pytest.raises(UserError, match="site west has maps of"):
        _study(_configure(Job(tuple(_search_path(asked[1]) + asked[2:]))))


def checked(base: Path, cohort: str, capsys, *more: str) -> tuple[int, str]:
    code = command([*words(base, cohort, "checked", *more), "check=true"])
    return code, capsys.readouterr().out


def test_sex_in_other_words_is_the_same_sex(three):
    folder = change(three, "west", sex=lambda s: {"M": "männlich", "F": "Female"}[s])
    config = configured(three, "placed", f"cohort.sites.west.source.root={folder}")
    assert set(read_everybody(config)["sex"]) == {"M", "F"}


def test_the_check_refuses_what_the_run_refuses(three, capsys):
    """Sites of one group or one person, codes that differ, and ComBat's needs; no image is read."""
    one = f"cohort.sites.west.source.root={change(three, 'west', group=lambda g: 'C')}"
    cases = [
        ("placed", (one,), "site west has people of hc only"),
        ("placed", (f"cohort.sites.west.source.root={three / 'data' / 'north'}",), "both have"),
        ("placed", ("+cohort.exclude=[nobody]",), "who are at no site: sub-nobody"),
        ("placed", ("site.model=combat", "site.reference=east"), "site.reference=east is not one"),
        ("one", ("site.model=combat", "site.reference=east"), "site.reference=east is not one"),
        ("one", ("site.model=combat", "site.smooth=[iq]"), "site.smooth names iq"),
        ("one", ("cohort.site_column=sex", "cohort.groups={hc: C}", "cohort.contrasts={}"), ""),
    ]
    for cohort, more, said in cases:
        code, text = checked(three, cohort, capsys, *more)
        if not said:
            assert code == 0, text
            continue
        assert (code, said in text) == (2, True), (more, text)
        assert said in refusal(three, cohort, *more)


def test_a_site_of_one_person_is_refused_by_check_and_run_alike(three, capsys):
    folder = three / "lonely"
    shutil.copytree(three / "data", folder)
    rows = pd.read_csv(folder / "participants.tsv", sep="\t")
    rows.loc[rows.index[-1], "site"] = "east"
    rows.to_csv(folder / "participants.tsv", sep="\t", index=False)
    root = f"source.root={folder}"
    code, text = checked(three, "one", capsys, root)
    assert code == 2
    assert "site east has people of hc only" in text
    assert "site east has people of hc only" in refusal(three, "one", root)
    assert checked(three, "one", capsys, root, "site.model=none")[0] == 0


@pytest.mark.parametrize("model", ["none", "combat", "covariate"])
def test_whoever_has_no_site_is_named_by_check_and_run_alike(three, capsys, model):
    folder = three / f"unplaced-{model}"
    shutil.copytree(three / "data", folder)
    rows = pd.read_csv(folder / "participants.tsv", sep="\t")
    rows.loc[4, "site"] = None
    rows.to_csv(folder / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    asked = (f"source.root={folder}", f"site.model={model}")
    said = "cohort.site_column site is missing for 1 of 36 participants (sub-n04)"
    code, text = checked(three, "one", capsys, *asked)
    assert (code, text.count("1 problem")) == (2, 1)
    assert said in text
    assert said in refusal(three, "one", *asked)
    with pytest.raises(UserError, match=r"site is missing for 1 of 36 participants \(sub-n04\)"):
        own_site(configured(three, "one", *asked[:1], "share=export", "share.site=north"))


def configured(base: Path, cohort: str, *more: str) -> Config:
    asked = words(base, cohort, "none", *more)
    return _configure(Job(tuple(_search_path(asked[1]) + asked[2:])))


def test_a_column_called_as_the_sites_are_is_theirs(three):
    config = configured(three, "placed", "cohort.covariates=[age,site]")
    tables = {s: read_table(own).assign(site=s) for s, own in sites.configs(config).items()}
    assert set(sites.joined(config, tables)["covariate:site"]) == set(NAMES)
    tables["west"]["site"] = "north"
    said = "site west: column site is reserved for the name of the site, but has north"
    with pytest.raises(UserError, match=said):
        sites.joined(config, tables)


def test_a_sound_study_of_sites_passes_its_check(three, capsys):
    code, text = checked(three, "placed", capsys)
    assert code == 0, text
    assert "site west:" in text.splitlines()
    assert "column site, read as name: north (12), south (12), west (12)" in text
