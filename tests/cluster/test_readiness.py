"""How many calls of a graph could run: against a count over all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.cluster.graph import Node
from rt1t2_dask.cluster.readiness import Readiness


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 20))
    nodes = []
    for k in range(size):
        parents = draw(st.sets(st.integers(0, k - 1), max_size=3)) if k else set()
        nodes.append(Node(str(k), print, (), tuple(str(p) for p in sorted(parents))))
    return nodes


@given(graphs(), st.data())
def test_ready_calls_are_those_whose_parents_have_all_ended(nodes, data):
    readiness, sent, ended = Readiness(), [], set()
    while len(ended) < len(nodes):
        able = [n for n in sent if n.key not in ended and set(n.parents) <= ended]
        assert readiness.ready == len(able)
        unsent = nodes[len(sent) :]
        if unsent and (not able or data.draw(st.booleans())):
            wave = unsent[: data.draw(st.integers(1, 5))]
            readiness.sent(wave)
            sent += wave
        elif able:
            key = data.draw(st.sampled_from(able)).key
            readiness.ended(key)
            ended.add(key)
    assert readiness.ready == 0


def test_a_chain_has_one_ready_call():
    chain = [Node("0", print, ()), *(Node(str(k), print, (), (str(k - 1),)) for k in range(1, 9))]
    readiness = Readiness()
    readiness.sent(chain)
    assert readiness.ready == 1
