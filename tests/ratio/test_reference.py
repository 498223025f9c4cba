import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from rt1t2_dask.ratio.build_reference import build
from rt1t2_dask.ratio.reference import FILE_NAME, QUANTILES, load_reference


def test_shipped_quantiles_do_not_fall_and_classes_keep_their_order() -> None:
    reference = load_reference()
    for classes in reference.quantiles.values():
        for values in classes.values():
            assert len(values) == len(QUANTILES) and np.all(np.diff(values) >= 0)
    middle = len(QUANTILES) // 2
    t1w, t2w = ({n: q[middle] for n, q in reference.quantiles[c].items()} for c in ("t1w", "t2w"))
    assert t1w["bone"] < t1w["csf"] < t1w["soft"]
    assert t2w["bone"] < t2w["soft"] < t2w["csf"]


def test_sources_and_terms_are_named() -> None:
    source = load_reference().source
    assert all(len(sha) == 64 for sha in source["files_sha256"].values())
    terms = files("rt1t2_dask").joinpath("data", source["licence"].split()[-1]).read_text()
    assert all(name in terms for name in source["files_sha256"])


@pytest.mark.assets
def test_the_templates_give_the_shipped_numbers() -> None:
    assets = os.environ.get("RT1T2_ASSETS")
    if not assets or not (Path(assets) / "template").is_dir():
        pytest.skip("RT1T2_ASSETS does not name a folder with template heads")
    shipped = json.loads(files("rt1t2_dask").joinpath("data", FILE_NAME).read_text())
    built = build(Path(assets) / "template")
    assert built["source"] == shipped["source"] and built["voxels"] == shipped["voxels"]
    for contrast, classes in shipped["quantiles"].items():
        for name, values in classes.items():
            np.testing.assert_allclose(built["quantiles"][contrast][name], values, atol=1e-3)
