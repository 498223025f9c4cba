"""A block of a matrix product held in vector registers, as LLVM code.

OpenBLAS packs operands around products of some 30 terms, and writes results that are read once;
here the product stays in the L1 cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
LANES: Final = 16 if _WIDE else 8
ROWS: Final = 12 if _WIDE else 6
VECTORS: Final = 2
SPAN: Final = LANES * VECTORS

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INDEX = ir.IntType(32)
_BITS = ir.IntType(64)
_COUNTS = ir.VectorType(_INDEX, LANES)

Builder = Any
Build = Callable[..., Any]


def inline(build: Build) -> Build:
    """Make LLVM code callable: numba hands the typing context over, which calls leave out."""
    return cast("Build", intrinsic(build))


@inline
def multiply(
    typing: Any, weights: Any, values: Any, out: Any, depth: Any, value_step: Any, out_step: Any
) -> Any:
    """Multiply (ROWS, depth) weights with (depth, SPAN) values into (ROWS, SPAN).

    Parameters
    ----------
    weights, values, out : uintp
        Addresses of float32. Weights lie as (depth, ROWS); rows of values and of
        the result are ``value_step`` and ``out_step`` numbers apart.
    depth : intp
        Terms of each sum, at least 1, added in their order: the bits of a result
        depend on nothing but its row and column.
    """
    address, count = types.uintp, types.intp
    signature = types.void(address, address, address, count, count, count)
    return signature, _multiply_code


def _multiply_code(context: Any, b: Builder, signature: Any, arguments: Any) -> Any:
    weights, values, out = (b.inttoptr(a, _FLOAT.as_pointer()) for a in arguments[:3])
    depth, value_step, out_step = arguments[3:]
    size = depth.type
    entry = b.block
    loop, done = (b.function.append_basic_block(name) for name in ("term", "done"))
    b.branch(loop)
    b.position_at_end(loop)
    term = b.phi(size)
    sums = [[b.phi(_VECTOR) for _ in range(VECTORS)] for _ in range(ROWS)]
    columns = [load(b, values, b.mul(term, value_step), v * LANES) for v in range(VECTORS)]
    first = b.mul(term, ir.Constant(size, ROWS))
    added = []
    for row in range(ROWS):
        weight = splat(b, b.load(b.gep(weights, [b.add(first, ir.Constant(size, row))])))
        added.append([fused(b, weight, c, s) for c, s in zip(columns, sums[row], strict=True)])
    following = b.add(term, ir.Constant(size, 1))
    _connect(term, entry, ir.Constant(size, 0), loop, following)
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    for row in range(ROWS):
        for old, new in zip(sums[row], added[row], strict=True):
            _connect(old, entry, zero, loop, new)
    b.cbranch(b.icmp_signed("<", following, depth), loop, done)
    b.position_at_end(done)
    for row in range(ROWS):
        start = b.mul(ir.Constant(size, row), out_step)
        for v in range(VECTORS):
            b.store(added[row][v], place(b, out, start, v * LANES), align=4)
    return context.get_dummy_value()


@inline
def judge(
    typing: Any,
    scores: Any,
    step: Any,
    nuisance: Any,
    left: Any,
    bar: Any,
    exceed: Any,
    highest: Any,
    height: Any,
) -> Any:
    """Compare SPAN squared scores with their thresholds.

    Parameters
    ----------
    scores : uintp
        Address of float32 r; the correlations of the nuisance follow, ``step`` bytes apart.
    step : uintp
        Bytes.
    nuisance : intp
        Their number.
    left : uintp
        Address of float32, filled with the share the nuisance leaves.
    bar : uintp
        Address of the observed u.
    exceed : uintp
        Address of int32; 1 is added where r^2 >= bar * left.
    highest, height : float32
        Bounds of u.

    Returns
    -------
    int64
        A bit for each u above ``height``, and bit 32 if any is above ``highest``.
    """
    address, number = types.uintp, types.float32
    arguments = (address, address, types.intp, address, address, address, number, number)
    return types.int64(*arguments), _judge_code


def _judge_code(context: Any, b: Builder, signature: Any, arguments: Any) -> Any:
    remaining = _remaining(b, *arguments[:3])
    scores, left, bar = (b.inttoptr(arguments[k], _FLOAT.as_pointer()) for k in (0, 3, 4))
    exceed = b.inttoptr(arguments[5], _INDEX.as_pointer())
    highest, height = (splat(b, number) for number in arguments[6:])
    start = ir.Constant(arguments[0].type, 0)
    found = ir.Constant(_BITS, 0)
    for v, share in enumerate(remaining):
        b.store(share, place(b, left, start, v * LANES), align=4)
        r, reach = (load(b, a, start, v * LANES) for a in (scores, bar))
        square = b.fmul(r, r)
        counts = b.bitcast(b.gep(exceed, [ir.Constant(_INDEX, v * LANES)]), _COUNTS.as_pointer())
        reached = b.zext(b.fcmp_ordered(">=", square, b.fmul(reach, share)), _COUNTS)
        b.store(b.add(b.load(counts, align=4), reached), counts, align=4)
        above = _mask(b, b.fcmp_ordered(">", square, b.fmul(height, share)))
        found = b.or_(found, b.shl(above, ir.Constant(_BITS, v * LANES)))
        larger = _mask(b, b.fcmp_ordered(">", square, b.fmul(highest, share)))
        any_larger = b.zext(b.icmp_unsigned("!=", larger, ir.Constant(_BITS, 0)), _BITS)
        found = b.or_(found, b.shl(any_larger, ir.Constant(_BITS, 32)))
    return found


def _remaining(b: Builder, scores: Any, step: Any, nuisance: Any) -> list[Any]:
    """Compute 1 minus the squared correlations of the nuisance, in registers."""
    entry = b.block
    loop, body, done = (b.function.append_basic_block(n) for n in ("nuisance", "square", "judge"))
    b.branch(loop)
    b.position_at_end(loop)
    k, at = b.phi(nuisance.type), b.phi(scores.type)
    shares = [b.phi(_VECTOR) for _ in range(VECTORS)]
    following = ir.Constant(nuisance.type, 1)
    b.cbranch(b.icmp_signed("<", k, nuisance), body, done)
    b.position_at_end(body)
    after = b.add(at, step)
    row = b.inttoptr(after, _FLOAT.as_pointer())
    _connect(k, entry, ir.Constant(nuisance.type, 0), body, b.add(k, following))
    _connect(at, entry, scores, body, after)
    one = ir.Constant(_VECTOR, [1.0] * LANES)
    for v, share in enumerate(shares):
        a = load(b, row, ir.Constant(scores.type, 0), v * LANES)
        _connect(share, entry, one, body, b.fsub(share, b.fmul(a, a)))
    b.branch(loop)
    b.position_at_end(done)
    return shares


def _mask(b: Builder, lanes: Any) -> Any:
    """Return lanes of a comparison as the low bits of an int64."""
    return b.zext(b.bitcast(lanes, ir.IntType(LANES)), _BITS)


def place(b: Builder, base: Any, start: Any, offset: int) -> Any:
    """Return the address of the vector that lies ``start + offset`` numbers after a base."""
    first = b.gep(base, [b.add(start, ir.Constant(start.type, offset))])
    return b.bitcast(first, _VECTOR.as_pointer())


def load(b: Builder, base: Any, start: Any, offset: int) -> Any:
    """Load the vector at a place."""
    return b.load(place(b, base, start, offset), align=4)


def splat(b: Builder, number: Any) -> Any:
    """Return a number in every lane."""
    empty = ir.Constant(_VECTOR, ir.Undefined)
    one = b.insert_element(empty, number, ir.Constant(_INDEX, 0))
    return b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def fused(b: Builder, x: Any, y: Any, z: Any) -> Any:
    """Return x y + z of vectors."""
    shape = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cast("Any", cgutils).get_or_insert_function(
        b.module, shape, f"llvm.fmuladd.v{LANES}f32"
    )
    return b.call(function, [x, y, z])


def _connect(phi: Any, entry: Any, start: Any, loop: Any, following: Any) -> None:
    phi.add_incoming(start, entry)
    phi.add_incoming(following, loop)
