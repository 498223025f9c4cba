"""Welch's t of vector lanes from what a permutation's products give, as LLVM code.

Numba leaves loops with divisions, a logarithm and two sums over groups unvectorised; they cost
ten times the products then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from rt1t2_dask.stats.permutation.microkernel import (
    LANES,
    VECTORS,
    Builder,
    fused,
    inline,
    load,
    place,
    splat,
)

LEAST: Final = 1e-9
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_WORD = ir.IntType(32)
_WORDS = ir.VectorType(_WORD, LANES)
_ATANH: Final = (1 / 9, 1 / 7, 1 / 5, 1 / 3, 1.0)
_ROOT_2, _LOG_2, _SMALL = 1.4142135, 0.6931472, 0.41

Body = Callable[[Any, list[Any]], list[Any]]


@inline
def welch_lanes(
    typing: Any,
    products: Any,
    sums: Any,
    effect: Any,
    quadratic: Any,
    share: Any,
    inverse: Any,
    directions: Any,
    groups: Any,
    step: Any,
    nominal: Any,
    out: Any,
) -> Any:
    """Compute SPAN signed roots of scores; see `rt1t2_dask.stats.permutation.welch_kernels`.

    Parameters
    ----------
    products, sums : uintp
        Addresses of float32: of the directions' products, and of each variance group's sum of
        squares, rows ``step`` numbers apart.
    effect : uintp
        Address of the weights of the contrast's correlation, float32, one a direction.
    quadratic : uintp
        Address of the lower triangles A_g, row by row, group by group.
    share, inverse : uintp
        Addresses, one a group: the regressor's square over the degrees of freedom, and 1 over
        these.
    directions, groups, step : intp
    nominal : float32
    out : uintp
        Address of float32, filled.
    """
    address, count, number = types.uintp, types.intp, types.float32
    addresses, counts = [address] * 6, [count] * 3
    return types.void(*addresses, *counts, number, address), _code


def _code(context: Any, b: Builder, signature: Any, arguments: Any) -> Any:
    rows, sums, effect, quadratic, share, inverse = (
        b.inttoptr(a, _FLOAT.as_pointer()) for a in arguments[:6]
    )
    directions, groups, step = arguments[6:9]
    nominal, out = splat(b, arguments[9]), b.inttoptr(arguments[10], _FLOAT.as_pointer())

    def left_over(g: Any, first: Any) -> list[Any]:
        """Return what the model leaves of group g: its sum of squares and the quadratic form."""

        def row(i: Any, carried: list[Any]) -> list[Any]:
            at, left = carried[0], carried[1:]

            def term(k: Any, inner: list[Any]) -> list[Any]:
                weight = _scalar(b, quadratic, b.add(at, k))
                return [fused(b, weight, x, s) for x, s in zip(_row(k), inner, strict=True)]

            inner = _loop(b, b.add(i, ir.Constant(i.type, 1)), [_constant(0.0)] * VECTORS, term)
            following = b.add(b.add(at, i), ir.Constant(i.type, 1))
            return [
                following,
                *(fused(b, x, y, s) for x, y, s in zip(_row(i), inner, left, strict=True)),
            ]

        start = [load(b, sums, b.mul(g, step), v * LANES) for v in range(VECTORS)]
        return _loop(b, directions, [first, *start], row)

    def _row(k: Any) -> list[Any]:
        return [load(b, rows, b.mul(k, step), v * LANES) for v in range(VECTORS)]

    def group(g: Any, carried: list[Any]) -> list[Any]:
        at, *left = left_over(g, carried[0])
        own, freedom = _scalar(b, share, g), _scalar(b, inverse, g)
        added = []
        for v, value in enumerate(left):
            part = b.fmul(_largest(b, value, LEAST), own)
            square = b.fmul(b.fmul(part, part), freedom)
            added += [b.fadd(carried[1 + 2 * v], part), b.fadd(carried[2 + 2 * v], square)]
        return [at, *added]

    def correlate(i: Any, carried: list[Any]) -> list[Any]:
        weight = _scalar(b, effect, i)
        return [fused(b, weight, x, s) for x, s in zip(_row(i), carried, strict=True)]

    none = [_constant(0.0)]
    found = _loop(b, groups, [ir.Constant(directions.type, 0), *none * (2 * VECTORS)], group)[1:]
    correlations = _loop(b, directions, none * VECTORS, correlate)
    for v, correlation in enumerate(correlations):
        root = _root(b, correlation, found[2 * v], found[2 * v + 1], nominal)
        b.store(root, place(b, out, ir.Constant(step.type, 0), v * LANES), align=4)
    return context.get_dummy_value()


def _root(b: Builder, correlation: Any, variance: Any, square: Any, nominal: Any) -> Any:
    """Return the signed root of the score, by the freedom of Satterthwaite and Wallace's p."""
    own = b.fdiv(b.fmul(variance, variance), square)
    ratio = b.fdiv(b.fmul(correlation, correlation), b.fmul(variance, own))
    eight = b.fmul(own, _constant(8.0))
    part = b.fdiv(b.fadd(eight, _constant(1.0)), b.fadd(eight, _constant(3.0)))
    power = b.fmul(b.fmul(b.fmul(own, part), part), nominal)
    root = _call(b, "sqrt", b.fmul(power, _log1p(b, ratio)))
    return _call(b, "copysign", root, correlation)


def _log1p(b: Builder, x: Any) -> Any:
    """Return log(1 + x), x >= 0, to 1e-7 of it: 2 atanh(f / (2 + f)), f the mantissa less 1."""
    one = _constant(1.0)
    whole = b.fadd(x, one)
    bits = b.bitcast(whole, _WORDS)
    exponent = b.sub(b.ashr(bits, _words(23)), _words(127))
    mantissa = b.bitcast(b.or_(b.and_(bits, _words(0x7FFFFF)), _words(0x3F800000)), _VECTOR)
    power = b.sitofp(exponent, _VECTOR)
    large = b.fcmp_ordered(">", mantissa, _constant(_ROOT_2))
    mantissa = b.select(large, b.fmul(mantissa, _constant(0.5)), mantissa)
    power = b.select(large, b.fadd(power, one), power)
    small = b.fcmp_ordered("<", x, _constant(_SMALL))
    f = b.select(small, x, b.fsub(mantissa, one))
    s = b.fdiv(f, b.fadd(f, _constant(2.0)))
    z = b.fmul(s, s)
    series = _constant(_ATANH[0])
    for factor in _ATANH[1:]:
        series = fused(b, series, z, _constant(factor))
    twice = b.fmul(b.fmul(_constant(2.0), s), series)
    return fused(b, power, _constant(_LOG_2), twice)


def _loop(b: Builder, count: Any, start: list[Any], body: Body) -> list[Any]:
    """Repeat a body ``count`` times, at least once; return the last carried values."""
    entry = b.block
    again, done = (b.function.append_basic_block(name) for name in ("again", "done"))
    b.branch(again)
    b.position_at_end(again)
    index = b.phi(count.type)
    carried = [b.phi(value.type) for value in start]
    for phi, value in zip([index, *carried], [ir.Constant(count.type, 0), *start], strict=True):
        phi.add_incoming(value, entry)
    after = body(index, list(carried))
    following = b.add(index, ir.Constant(count.type, 1))
    for phi, value in zip([index, *carried], [following, *after], strict=True):
        phi.add_incoming(value, b.block)
    b.cbranch(b.icmp_signed("<", following, count), again, done)
    b.position_at_end(done)
    return after


def _scalar(b: Builder, base: Any, index: Any) -> Any:
    return splat(b, b.load(b.gep(base, [index])))


def _largest(b: Builder, value: Any, least: float) -> Any:
    bound = _constant(least)
    return b.select(b.fcmp_ordered(">", value, bound), value, bound)


def _constant(number: float) -> Any:
    return ir.Constant(_VECTOR, [number] * LANES)


def _words(number: int) -> Any:
    return ir.Constant(_WORDS, [number] * LANES)


def _call(b: Builder, name: str, *values: Any) -> Any:
    shape = ir.FunctionType(_VECTOR, [_VECTOR] * len(values))
    function = cast("Any", cgutils).get_or_insert_function(
        b.module, shape, f"llvm.{name}.v{LANES}f32"
    )
    return b.call(function, list(values))
