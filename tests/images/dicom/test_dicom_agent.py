"""What a DICOM header says of contrast agent: its words for none are none."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_writer import T1W, write_series

from rt1t2_dask.images.dicom.headers import read_header
from rt1t2_dask.images.volume import Volume


@pytest.mark.parametrize(
    ("said", "agent"),
    [("Gadovist", True), ("YES", True), ("NONE", False), ("NO", False), ("", False), ("0", False)],
)
def test_words_for_no_agent_are_none(said, agent, tmp_path):
    image = Volume(np.ones((4, 4, 1), np.float32), np.eye(4))
    [path] = write_series(tmp_path, image, 3, {**T1W, "ContrastBolusAgent": said})
    header = read_header(path.read_bytes())
    assert header is not None
    assert header.agent is agent
