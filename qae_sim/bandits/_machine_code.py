"""The loops of the fast simulator, compiled by Numba: one run after the other, so that its logits stay in the cache.

The law, the random numbers and the order of decisions are those of :mod:`qae_sim.bandits._one_prompt`; sums are
rounded in another order. A run's numbers depend on nothing but the run, so that they are the same bits in every thread,
chunk and process on processors of one kind; their vector units decide in which order sums are taken, and whether a
product and a sum are rounded once or twice.

Arms are padded to a multiple of `PADDING`, with logits so low that their weight is 0: vectorised loops take so many
places at once, and would do the rest one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

#: Places that a vectorised loop takes at once, four vectors of eight at most.
PADDING = 32
#: Length of the blocks in which running sums are taken.
_BLOCK = 8
#: Logit of padding.
NOWHERE = -1e4
#: Steps after which a run may leave the dense algorithm, and the chance of a mixed group below which it does.
_REVIEW, _RARE = 32, 0.6

_LOG2_E = 1.4426950408889634
# log 2 in two parts: the first has 21 trailing zero bits, so that its product with an exponent is exact.
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
#: Adding it rounds to an integer, which then stands in the lowest bits.
_ROUND = 6755399441055744.0
#: exp(r) = 1 + r + r²·q(r) for |r| <= log(2)/2: q's coefficients, highest first, by mpmath.chebyfit to 2e-18.
_Q = (
    2.0914717341716378e-09, 2.5105259538448494e-08, 2.755727357010214e-07, 2.7557255297969643e-06,
    2.4801587325605324e-05, 0.0001984126987490126, 0.001388888888888373, 0.008333333333326112,
    0.04166666666666667, 0.1666666666666667, 0.5,
)  # fmt: skip
_Q0, _Q1, _Q2, _Q3, _Q4, _Q5, _Q6, _Q7, _Q8, _Q9, _Q10 = _Q

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11, _ONE = (np.uint64(n) for n in (30, 27, 31, 11, 1))


@intrinsic
def _bits(context: Any, number: Any) -> Any:
    """The bits of a float64 as an integer."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(64))

    return types.int64(types.float64), code


@intrinsic
def _number(context: Any, bits: Any) -> Any:
    """The float64 with these bits."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return types.float64(types.int64), code


def _compile(function: Callable[..., Any], allowed: set[str]) -> Any:
    """Compile when first called; keep the machine code, unless no folder can be written."""
    try:
        return njit(cache=True, nogil=True, error_model="numpy", fastmath=allowed)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", fastmath=allowed)(function)


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile with all operations as they are written."""
    return _compile(function, set())


def _fusing(function: Callable[..., Any]) -> Any:
    """Compile with a product and a sum in one instruction, where the processor has it."""
    return _compile(function, {"contract"})


def _summing(function: Callable[..., Any]) -> Any:
    """Compile with sums and maxima in as many parts as fit into a vector."""
    return _compile(function, {"reassoc", "nsz", "nnan"})


@_fusing
def exponentials(x: np.ndarray, out: np.ndarray) -> None:
    """Write exp(x) for x <= 700, to about 1 ulp, to ``out``; both ``(N,)``."""
    for i in range(x.shape[0]):
        y = x[i]
        y = y if y > -746.0 else -746.0
        shifted = y * _LOG2_E + _ROUND
        k = shifted - _ROUND
        r = (y - k * _LN2_HIGH) - k * _LN2_LOW
        q = _Q0 * r + _Q1
        q = q * r + _Q2
        q = q * r + _Q3
        q = q * r + _Q4
        q = q * r + _Q5
        q = q * r + _Q6
        q = q * r + _Q7
        q = q * r + _Q8
        q = q * r + _Q9
        q = q * r + _Q10
        value = 1.0 + (r + r * r * q)
        # Below 2⁻¹⁰⁰⁰ the exponent alone cannot hold the power of two: multiply by 2⁻⁶⁴ last.
        tiny = k < -1000.0
        scale = 5.421010862427522e-20 if tiny else 1.0
        power = shifted + (64.0 if tiny else 0.0)
        out[i] = _number(_bits(value) + (_bits(power) << 52)) * scale


@_compiled
def _uniform(state: Any, position: int) -> float:
    """The number of :func:`qae_sim.streams.uniform_at`."""
    z = state + (np.uint64(position) + _ONE) * _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z = z ^ (z >> _S31)
    return np.int64(z >> _S11) * 2.0**-53


@_summing
def _recentre(z: np.ndarray) -> None:
    """Shift logits so that the largest is 0."""
    largest = z[0]
    for i in range(1, z.shape[0]):
        largest = z[i] if z[i] > largest else largest
    for i in range(z.shape[0]):
        z[i] -= largest


@_summing
def _dot(x: np.ndarray, y: np.ndarray) -> float:
    """Sum of products."""
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total


@_summing
def _sum(x: np.ndarray) -> float:
    """Sum."""
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i]
    return total


@_compiled
def _entropy(z: np.ndarray, weight: np.ndarray) -> float:
    """Entropy of logits, which are shifted; ``weight`` is memory to work in."""
    _recentre(z)
    exponentials(z, weight)
    total = _sum(weight)
    return max(math.log(total) - _dot(weight, z) / total, 0.0)


@_compiled
def _cumulate(weight: np.ndarray, rows: int, running: np.ndarray) -> float:
    """Write running sums; returns the last one. Blocks first, then what stands before each: short chains of sums."""
    blocks = weight.shape[0] // _BLOCK
    for b in range(blocks):
        so_far = 0.0
        for j in range(_BLOCK):
            so_far += weight[b * _BLOCK + j]
            running[b * _BLOCK + j] = so_far
    before = 0.0
    for b in range(blocks):
        after = before + running[b * _BLOCK + _BLOCK - 1]
        for j in range(_BLOCK):
            running[b * _BLOCK + j] += before
        before = after
    return running[rows - 1]


@_compiled
def _search(running: np.ndarray, targets: np.ndarray, first: int, end: int, taken: np.ndarray) -> None:
    """Find the first row whose running sum exceeds each target; the rows are a power of two, at least 16.

    The first four halvings at once, by comparing with fifteen rows: that needs no look-up. Then all targets take a step
    before any takes the next one, so that no look-up waits for another.
    """
    half = running.shape[0] // 16
    for i in range(first, end):
        taken[i] = 0
    for group in range(5):
        e0 = running[(3 * group + 1) * half - 1]
        e1 = running[(3 * group + 2) * half - 1]
        e2 = running[(3 * group + 3) * half - 1]
        for i in range(first, end):
            target = targets[i]
            taken[i] += np.int64(e0 <= target) + np.int64(e1 <= target) + np.int64(e2 <= target)
    for i in range(first, end):
        taken[i] *= half
    half //= 2
    while half:
        for i in range(first, end):
            place = taken[i]
            taken[i] = place + half * np.int64(running[place + half - 1] <= targets[i])
        half //= 2


@_compiled
def _mixed_chance(p: float, size: int) -> float:
    """Chance that a group has correct and wrong responses."""
    rare = min(p, 1 - p)
    return -math.expm1(size * math.log1p(-rare)) - rare**size


@_compiled
def _mixed_successes(p: float, size: int, u: float) -> int:
    """Number of successes among G, given that it is neither 0 nor G, by inversion."""
    rare = min(p, 1 - p)
    ratio = rare / (1 - rare)
    weight = float(size)
    total = weight
    for j in range(1, size - 1):
        weight = weight * (ratio * ((size - j) / (j + 1)))
        total += weight
    bound = u * total
    weight = float(size)
    so_far = weight
    count = 1
    for j in range(1, size - 1):
        if so_far > bound:
            break
        count += 1
        weight = weight * (ratio * ((size - j) / (j + 1)))
        so_far += weight
    return count if p <= 0.5 else size - count


@_compiled
def _split(
    z: np.ndarray, pi: np.ndarray, moves: tuple[np.ndarray, np.ndarray], normalised: bool, work: np.ndarray
) -> tuple[float, float]:
    """Split the entropy change of a step by the sign of the advantage.

    Args:
        z: Logits before the step.
        pi: Probabilities.
        moves: Sum of the positive, and of the negative, moves of each arm.
        normalised: Whether the sum of the moves is taken off in proportion to the probabilities.
        work: Memory, ``(2, N)``.
    """
    positive, negative = moves
    up, down = (_sum(positive), _sum(negative)) if normalised else (0.0, 0.0)
    values = np.empty(4)
    for part in range(4):  # nothing, both, one, the other
        for i in range(z.shape[0]):
            work[0, i] = z[i]
            if part in (1, 2):
                work[0, i] += positive[i] - up * pi[i]
            if part in (1, 3):
                work[0, i] += negative[i] - down * pi[i]
        values[part] = _entropy(work[0], work[1])
    before, both, one, other = values
    return ((one - before) + (both - other)) / 2, ((other - before) + (both - one)) / 2


@_compiled
def simulate_runs(
    logits: np.ndarray,
    states: np.ndarray,
    arm: np.ndarray,
    share: np.ndarray,
    log_success: np.ndarray,
    correct_rows: int,
    tables: np.ndarray,
    setting: tuple[int, int, int, int, bool, bool, bool, bool, bool],
    policy: np.ndarray,
    group: np.ndarray,
) -> None:
    """Simulate runs from their logits, which are overwritten with those at the end.

    Args:
        logits: ``(R, A)``, arms padded.
        states: Random streams of responses, waiting times, successes and equal groups, ``(R, 4)``.
        arm: The arm of each outcome, correct outcomes first; ``(O,)``.
        share: The chance of each outcome, given its arm, ``(O,)``.
        log_success: Logarithm of the chance to be correct of the arms that may be, ``(C,)``.
        correct_rows: How many outcomes are correct.
        tables: By the number of successes: move of a correct and of a wrong response, sum of all moves, share of
            advantages 0, baseline; ``(5, G + 1)``.
        setting: Steps, steps between rows, group size, steps between shifts of the logits; whether runs begin with
            events, whether they may turn to them, whether arms are deterministic, moves are centred, and shifts of
            entropy are normalised.
        policy: Records of the policy: entropy, success, entropy of correct responses; ``(3, R, S)``, or ``(3, R, 0)``
            where none is wanted.
        group: Sums of records of groups: accuracy, share of zeros, baseline, both changes of the entropy;
            ``(5, R, S)``, or ``(3, R, S)`` without changes, or ``(0, R, 0)``.
    """
    steps, every, size, shift, from_events, may_turn, deterministic, centred, normalised = setting
    runs, width = logits.shape
    outcomes = arm.shape[0]
    padded_outcomes = -(-outcomes // PADDING) * PADDING
    power = 16
    while power < max(padded_outcomes, width):
        power *= 2
    running = np.full(power, np.inf)
    weight = np.empty(width)
    outcome_weight = np.zeros(padded_outcomes)
    work, pi = np.empty((2, width)), np.empty(width)
    positive, negative = np.zeros(width), np.zeros(width)
    correct_width = -(-correct_rows // PADDING) * PADDING
    correct_z, correct_weight = np.full(correct_width, NOWHERE), np.empty(correct_width)
    targets = np.empty(size)
    taken = np.empty(size, dtype=np.int64)
    correct_move, wrong_move, net = tables[0], tables[1], tables[2]
    splitting = group.shape[0] > 3
    counting = group.shape[0] > 0
    recording = policy.shape[2] > 0
    wants_correct_entropy = recording and log_success.shape[0] > 0

    for run in range(runs):
        z = logits[run]
        responses, waiting, successes, equal = states[run]
        in_events = from_events
        fresh = True
        since_shift = shift
        total = mass = p = h = correct_h = 0.0
        step = 0
        while step < steps:
            if fresh:
                if since_shift >= shift or in_events:
                    _recentre(z)
                    since_shift = 0
                exponentials(z, weight)
                if deterministic:
                    total = _cumulate(weight, outcomes, running)
                else:
                    for row in range(outcomes):
                        outcome_weight[row] = weight[arm[row]] * share[row]
                    total = _cumulate(outcome_weight, outcomes, running)
                mass = running[correct_rows - 1] if correct_rows else 0.0
                p = mass / total
                if recording:
                    h = max(math.log(total) - _dot(weight, z) / total, 0.0)
                    if wants_correct_entropy:
                        for i in range(correct_rows):
                            correct_z[i] = z[i] + log_success[i]
                        for i in range(correct_rows, correct_width):
                            correct_z[i] = NOWHERE + correct_z[0]
                        correct_h = _entropy(correct_z, correct_weight)
                fresh = False
            if may_turn and not in_events and step % _REVIEW == 0:
                in_events = _mixed_chance(p, size) < _RARE
                if in_events:
                    since_shift = shift
            last = step
            n = 0
            first, end = 0, size
            if in_events:
                chance = _mixed_chance(p, size)
                last = steps
                if chance > 0:
                    until = math.log1p(-_uniform(waiting, step)) / math.log1p(-chance)
                    last = min(step + int(min(until, float(steps))), steps)
                if counting and last > step:
                    all_correct = p**size
                    chance_of_correct = all_correct / (all_correct + (1 - p) ** size)
                    for s in range(step, last):
                        is_correct = _uniform(equal, s) < chance_of_correct
                        n = size if is_correct else 0
                        group[0, run, s // every] += 1.0 if is_correct else 0.0
                        group[1, run, s // every] += 1.0
                        group[2, run, s // every] += 1.0 if is_correct else 0.0
            if recording:
                for row in range(-(-step // every), min(last, steps - 1) // every + 1):
                    policy[0, run, row] = h
                    policy[1, run, row] = p
                    policy[2, run, row] = correct_h
            if last >= steps:
                break
            step = last
            if in_events:
                n = _mixed_successes(p, size, _uniform(successes, step))
                first = 0 if correct_move[n] != 0 else n
                end = size if wrong_move[n] != 0 else n
                below = np.nextafter(total, 0.0)
                for i in range(first, end):
                    u = _uniform(responses, step * size + i)
                    target = u * mass if i < n else mass + u * (total - mass)
                    targets[i] = min(target, below)
            else:
                for i in range(size):
                    targets[i] = _uniform(responses, step * size + i) * total
            _search(running, targets, first, end, taken)
            if not in_events:
                for i in range(size):
                    n += taken[i] < correct_rows
            correct, wrong = correct_move[n], wrong_move[n]
            if counting:
                row = step // every
                group[0, run, row] += n / size
                group[1, run, row] += tables[3, n]
                group[2, run, row] += tables[4, n]
            if splitting:
                positive[:] = 0.0
                negative[:] = 0.0
                for i in range(first, end):
                    is_correct = i < n if in_events else taken[i] < correct_rows
                    move = correct if is_correct else wrong
                    place = arm[taken[i]]
                    positive[place] += max(move, 0.0)
                    negative[place] += min(move, 0.0)
                for i in range(width):
                    pi[i] = weight[i] / total
                one, other = _split(z, pi, (positive, negative), normalised, work)
                group[3, run, step // every] += one
                group[4, run, step // every] += other
            step += 1
            since_shift += 1
            # A group without advantages leaves the policy as it is.
            if correct != 0 or wrong != 0:
                fresh = True
                if centred:
                    factor = net[n] / total
                    for i in range(width):
                        z[i] -= weight[i] * factor
                for i in range(first, end):
                    row = taken[i]
                    move = correct if (i < n if in_events else row < correct_rows) else wrong
                    z[row if deterministic else arm[row]] += move
