import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.ratio.build_reference import build
from rt1t2_dask.ratio.classes import LANDMARK_CLASSES
from rt1t2_dask.ratio.landmarks import CONTRASTS, PROBABILITIES, Landmarks
from rt1t2_dask.ratio.reference import FILE_NAME, load_reference, of_people


def test_shipped_quantiles_do_not_fall_and_classes_keep_their_order() -> None:
    found = load_reference().landmarks
    assert found.classes.shape == (2, len(LANDMARK_CLASSES), len(PROBABILITIES))
    assert np.all(np.diff(found.classes, axis=-1) >= 0) and np.all(np.diff(found.brain) >= 0)
    t1w, t2w = ({n: found.level(c, n) for n in LANDMARK_CLASSES} for c in CONTRASTS)
    assert t1w["bone"] < t1w["csf"] < t1w["soft"] and t1w["eye"] < t1w["soft"]
    assert t2w["bone"] < t2w["soft"] < t2w["csf"] and t2w["soft"] < t2w["eye"]
    assert [found.brain_quantile(c, 0.5) for c in CONTRASTS] == pytest.approx([100, 100], rel=1e-3)


def some(seed: int) -> Landmarks:
    like, rng = load_reference().landmarks, np.random.default_rng(seed)
    gains = rng.uniform(0.5, 20, size=2)
    classes = like.classes * rng.uniform(0.8, 1.2, size=(2, 5, 1)) * gains[:, None, None]
    return Landmarks(
        classes, like.voxels, like.brain * gains[:, None], like.stripe * gains[:, None]
    )


def test_controls_average_in_percent_of_their_own_brains() -> None:
    people = [some(seed) for seed in range(5)]
    found = of_people(people).landmarks
    expected = np.mean(
        [
            [100 * p.classes[k] / p.brain_quantile(c, 0.5) for k, c in enumerate(CONTRASTS)]
            for p in people
        ],
        axis=0,
    )
    np.testing.assert_allclose(found.classes, expected, rtol=1e-10)
    np.testing.assert_allclose(of_people(people[::-1]).landmarks.classes, found.classes, rtol=1e-12)


def test_a_control_without_a_class_leaves_it_to_the_others() -> None:
    people = [some(seed) for seed in range(4)]
    people[0].classes[:, 2] = np.nan
    found, others = of_people(people).landmarks, of_people(people[1:]).landmarks
    np.testing.assert_allclose(found.classes[:, 2], others.classes[:, 2])
    assert np.isfinite(found.classes).all()


def test_two_controls_are_no_reference() -> None:
    with pytest.raises(UserError, match="needs 3 controls, the cohort has 2"):
        of_people([some(0), some(1)])


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
