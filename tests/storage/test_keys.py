"""Keys depend on content, on all of it, and on nothing else."""

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.storage.keys import canonical, checksum, digest, part_key, plain

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), values))
def test_order_of_mappings_does_not_matter(chosen):
    assert digest(chosen) == digest(dict(reversed(chosen.items())))


@settings(deadline=None)
@given(values)
def test_canonical_text_is_json_of_the_same_value(value):
    back = json.loads(canonical(value))
    assert back == value
    assert canonical(back) == canonical(value)


def typed(value):
    """The value with the type of everything in it, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return ("dict", tuple(sorted((k, typed(v)) for k, v in value.items())))
    if isinstance(value, list):
        return ("list", tuple(typed(v) for v in value))
    return (type(value).__name__, repr(value))


@settings(deadline=None)
@given(values, values)
def test_different_values_have_different_text(one, other):
    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


@pytest.mark.parametrize(
    "pair", [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "null"), ([], {})]
)
def test_types_count(pair):
    assert digest(pair[0]) != digest(pair[1])


@settings(deadline=None)
@given(
    st.text(), st.text(), st.dictionaries(st.text(), scalars), st.dictionaries(st.text(), st.text())
)
def test_part_key_moves_with_each_ingredient(stage, version, chosen, inputs):
    key = part_key(stage, version, chosen, inputs)
    assert len(key) == 32
    assert key == part_key(stage, version, dict(reversed(chosen.items())), inputs)
    others = {
        part_key(stage + "a", version, chosen, inputs),
        part_key(stage, version + "a", chosen, inputs),
        part_key(stage, version, {**chosen, "added": 1}, inputs) if "added" not in chosen else "",
        part_key(stage, version, chosen, {**inputs, "added": "1"}) if "added" not in inputs else "",
    }
    assert key not in others


@pytest.mark.parametrize("bad", [math.nan, math.inf, {"a": [1, -math.inf]}])
def test_non_finite_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        canonical(bad)


@pytest.mark.parametrize("bad", [b"x", {1: 2}, {"a": {2, 3}}, object(), np.arange(3), 1j])
def test_types_without_canonical_text_are_refused(bad):
    with pytest.raises(TypeError, match=r"value"):
        canonical(bad)


def test_error_names_the_place():
    with pytest.raises(ValueError, match=r"value\.a\[1\]: nan"):
        canonical({"a": [1.0, math.nan]})


def test_checksum_is_sha256():
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksum(b"abc") == expected == hashlib.sha256(b"abc").hexdigest()


def test_numpy_values_become_plain():
    given_values = {"a": np.float32(0.5), "b": np.arange(3), "c": (1, np.bool_(True))}
    assert plain(given_values) == {"a": 0.5, "b": [0, 1, 2], "c": [1, True]}
    assert type(plain(np.int16(3))) is int
