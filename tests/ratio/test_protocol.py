"""Which scans are of one protocol."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.ratio.protocol import describe, has_header, number_protocols, same

VOXELS = {"t1w.voxel_mm": (1.0, 1.0, 1.0), "t2w.voxel_mm": (0.6, 0.6, 3.3)}
MPRAGE = {**VOXELS, "t1w.RepetitionTime": 2.3, "t1w.EchoTime": 0.003, "t1w.FlipAngle": 9.0}


def test_tolerances():
    assert same(MPRAGE, MPRAGE | {"t1w.RepetitionTime": 2.3 * 1.049})
    assert not same(MPRAGE, MPRAGE | {"t1w.RepetitionTime": 2.3 * 1.06})
    assert same(MPRAGE, MPRAGE | {"t1w.FlipAngle": 10.0})
    assert not same(MPRAGE, MPRAGE | {"t1w.FlipAngle": 10.1})
    assert same(MPRAGE, MPRAGE | {"t1w.voxel_mm": (0.96, 1.0, 1.04)})
    assert not same(MPRAGE, MPRAGE | {"t1w.voxel_mm": (0.9, 1.0, 1.0)})
    assert not same(MPRAGE | {"site": "a"}, MPRAGE | {"site": "b"})
    assert same(MPRAGE | {"t1w.Manufacturer": "SIEMENS"}, MPRAGE | {"t1w.Manufacturer": "Siemens"})


def test_the_largest_comes_first():
    slow = MPRAGE | {"t1w.RepetitionTime": 3.0}
    assert number_protocols([slow, MPRAGE, MPRAGE, slow, MPRAGE]) == [1, 0, 0, 1, 0]


def test_without_headers_voxels_decide():
    thick = {**VOXELS, "t2w.voxel_mm": (0.5, 0.5, 4.0)}
    assert number_protocols([VOXELS, VOXELS, thick]) == [0, 0, 1]
    assert not has_header(VOXELS | {"site": "a"}) and has_header(MPRAGE)


def test_a_scan_without_header_joins_the_only_protocol_that_fits():
    assert number_protocols([MPRAGE, MPRAGE, VOXELS]) == [0, 0, 0]


def test_a_scan_that_fits_two_protocols_is_on_its_own():
    slow = MPRAGE | {"t1w.RepetitionTime": 3.0}
    assert number_protocols([MPRAGE, MPRAGE, slow, slow, VOXELS]) == [0, 0, 1, 1, 2]


def test_description_names_ranges():
    said = describe([MPRAGE, MPRAGE | {"t1w.RepetitionTime": 2.35}])
    assert "t1w.RepetitionTime 2.3 to 2.35" in said and "t1w.voxel_mm 1 x 1 x 1" in said


times = st.sampled_from([2.0, 2.05, 2.5, 3.0])
facts = st.builds(
    lambda tr, header, tilt: (
        VOXELS | ({"t1w.RepetitionTime": tr, "t1w.FlipAngle": tilt} if header else {})
    ),
    times,
    st.booleans(),
    st.sampled_from([8.0, 9.0, 12.0]),
)


@given(st.lists(facts, min_size=1, max_size=12), st.randoms())
@settings(max_examples=60)
def test_order_does_not_matter(scans, random):
    order = list(range(len(scans)))
    random.shuffle(order)
    numbers, shuffled = number_protocols(scans), number_protocols([scans[k] for k in order])
    assert [numbers[k] for k in order] == shuffled
    for k, one in enumerate(scans):
        for other, number in zip(scans, numbers, strict=True):
            assert number != numbers[k] or same(one, other)
