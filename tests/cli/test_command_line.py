"""The command line: help, wrong input in one line, exit codes."""

from __future__ import annotations

from importlib.resources import files

import pytest

from rt1t2_dask.cli.command_line import command


def test_without_a_cohort_there_is_help_and_exit_code_2(capsys):
    assert command([]) == 2
    text = capsys.readouterr().out
    assert all(name in text for name in ("psp", "psps2", "psp_vs_psps2", "pain", "+cohort="))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["+cohort=nope"], "cohort=nope"),
        (["+cohort=psp", "smooth.fwhm=3"], "smooth.fwhm"),
        (["+cohort=psp", "smooth.fwhm_mm=-3"], "smooth.fwhm_mm=-3"),
        (["+cohort=psp", "contrast.p=5"], "contrast.p=5"),
        (["+cohort=psp", "smooth.edge=bad"], "'normalised' or 'spm'"),
        (["+cohort=psp", "source=bids"], "source.root is missing"),
        (["+cohort=psp", "source=bids", "source.root=/no/such/place"], "participants.tsv"),
        (["+cohort=psp", "smooth.fwhm_mm=[6"], "[6"),
        (["+cohort=psp", "--config-dir", "/no/such/place"], "/no/such/place"),
        (["+cohort=psp", "permute.statistic=[max_t,nope]"], "permute.statistic"),
        (["+cohort=psp", "cohort.reference=nobody"], "nobody"),
        (["+cohort=psp", "cohort.contrasts.pspVsHc=[psp,psp]"], "with itself"),
        (["+cohort=psp", "cohort.contrasts.pspVsHc=[psp,who]"], "who"),
        (["+cohort=psp", "receptors.maps=[nope]"], "nope"),
        (["+cohort=psp", "source.groups.PSP.n_male=40"], "n_male=40"),
    ],
)
def test_wrong_input_is_said_in_few_lines(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RT1T2_DEBUG", raising=False)
    assert command([*words, "dry_run=true"]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_cohort_composes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shipped = [p.name for p in (files("rt1t2_dask.conf") / "cohort").iterdir()]
    names = sorted(name.removesuffix(".yaml") for name in shipped if name.endswith(".yaml"))
    assert names == ["chronic_pain", "pain", "psp", "psp_vs_psps2", "psps2", "three_sites"]
    assert command(["+cohort=chronic_pain", "dry_run=true"]) == 0
    assert command(["+cohort=three_sites", "dry_run=true"]) == 2  # its sites are not simulated yet
    for name in names[1:-1]:
        for method in ("recommended", "van_grinsven_2025"):
            assert command([f"+cohort={name}", f"method={method}", "dry_run=true"]) == 0


def test_sweep_needs_multirun(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["+cohort=psp", "smooth.fwhm_mm=6,8", "dry_run=true"]) == 2
    assert "smooth.fwhm_mm" in capsys.readouterr().err
