"""The fast simulator: one query with its own logits, one plain gradient step per group.

Two algorithms of the same law. `Dense` takes all runs through the same step together. `Events` exploits that a group
whose responses are all right or all wrong changes nothing: it draws the waiting time until the next mixed group
(geometric), the number of its successes (binomial, given that it is mixed), and its responses from the right and from
the wrong arms. Each run has its own clock there, and only responses with an advantage are drawn at all.

An outcome is an arm together with its reward. Rows of the weights that are sampled from are outcomes, right ones
first: for deterministic arms these are the arms themselves, a Bernoulli arm has two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.arrays import Array, Namespace, streams, uniform_at
from qae_sim.bandits._advantages import table_at
from qae_sim.bandits._kernels import (
    Workspace,
    column_dot,
    column_sum,
    cumulate,
    entropy,
    padded_rows,
    ranges,
    rows_of,
    scatter_add,
    search,
    to_numpy,
)
from qae_sim.bandits._optimizers import split_change
from qae_sim.bandits._random import EQUAL, RESPONSES, START, SUCCESSES, WAITING, normal
from qae_sim.bandits._records import SUMMED, Recorder
from qae_sim.bandits.problems import Bandit
from qae_sim.bandits.study import Study
from qae_sim.softmax import pass_at_k_probability

#: Logits may drift this far above 0 before they are shifted back; exp() and the entropy keep their digits.
_HEADROOM = 32.0
#: Steps after which a run may leave the dense algorithm, and the chance of a mixed group below which it does.
_REVIEW, _RARE = 32, 0.6


class Query:
    """A study's problem and estimator as arrays, arms sorted by their chance to be right."""

    def __init__(self, xp: Namespace, study: Study) -> None:
        problem = study.problem
        assert isinstance(problem, Bandit)
        self.xp, self.study = xp, study
        success = np.array(problem.success[0])
        self.order = np.argsort(-success, kind="stable")
        x = success[self.order]
        right, wrong = np.flatnonzero(x > 0), np.flatnonzero(x < 1)
        self.right_rows = len(right)
        self.deterministic = problem.deterministic
        self.arm = xp.asarray(np.concatenate([right, wrong]))
        self.share = xp.asarray(np.concatenate([x[right], 1 - x[wrong]])[:, None])
        self.log_success = xp.asarray(np.log(x[right])[:, None])
        self.start = xp.asarray(np.array(problem.start[0])[self.order][:, None])

        size = study.group_size
        table = table_at(study, 0)
        n = np.arange(size + 1)
        step = study.eta / size
        net = n * table.correct + (size - n) * table.wrong
        largest = max(np.abs(table.correct).max(), np.abs(table.wrong).max())
        # What is left of advantages that sum to 0 is rounding, not a force on the arms that were not sampled.
        net = np.where(np.abs(net) <= 1e-12 * size * largest, 0.0, net)
        self.correct, self.wrong = xp.asarray(step * table.correct), xp.asarray(step * table.wrong)
        self.net = xp.asarray(step * net)
        self.centred = study.update == "policy_gradient" and bool(net.any())
        self.counts = {
            "zero_share": xp.asarray(table.zero_share),
            "baseline": xp.asarray(table.baseline),
            "accuracy": xp.asarray(n / size),
        }
        self.quiet = table.quiet
        reach = study.eta * largest * (2 if self.centred else 1)
        self.recentre = int(min(max(_HEADROOM / reach if reach > 0 else 64, 1), 64))

    def logits(self, runs: range) -> Array:
        """Logits at the start, ``(A, R)``."""
        problem = self.study.problem
        z = self.start + self.xp.zeros((1, len(runs)))
        if problem.spread > 0:
            noise = normal(self.xp, runs, len(self.order), self.study.seed, START)
            z = z + problem.spread * noise[self.xp.asarray(self.order)]
        return z

    def outcomes(self, weight: Array) -> Array:
        """Weights of the outcomes from those of the arms, ``(A, C)`` to ``(rows, C)``."""
        return weight if self.deterministic else weight[self.arm] * self.share

    def states(self, recorder: Recorder, z: Array, h: Array, p: Array) -> dict[str, Array]:
        """Values of the records of the policy that are wanted, each ``(C,)``."""
        values = {}
        if "entropy" in recorder.wanted:
            values["entropy"] = h
        if "success" in recorder.wanted:
            values["success"] = p
        if "pass_at_k" in recorder.wanted:
            values["pass_at_k"] = pass_at_k_probability(p, self.study.pass_at)
        if "correct_entropy" in recorder.wanted:
            right = z[: self.right_rows] + self.log_success
            values["correct_entropy"] = entropy(self.xp, right) if self.right_rows else self.xp.full(len(p), np.nan)
        return values

    def arms(self, place: Array, columns: Array) -> Array:
        """Flat places of arms in ``(A, C)`` from those of outcomes in ``(rows, C)``."""
        if self.deterministic:
            return place
        count = columns.size
        return self.arm[place // count] * count + place % count

    def move(self, z: Array, place: Array, right: Array, steps: Array) -> None:
        """Add each response's step to the logit of its arm, in place."""
        flat = z.reshape(-1)
        if self.deterministic:
            scatter_add(self.xp, flat, place, steps)
        else:  # an arm may be right and wrong in one group: first one, then the other, see scatter_add
            scatter_add(self.xp, flat, place, self.xp.where(right, steps, 0.0))
            scatter_add(self.xp, flat, place, self.xp.where(right, 0.0, steps))

    def changes(
        self, z: Array, place: Array, right: Array, steps: Array, sums: tuple[Array, Array], pi: Array
    ) -> tuple[Array, Array]:
        """Split the entropy change of a step by the sign of the advantage.

        Args:
            z: Logits before the step, ``(A, C)``.
            place: Flat place in ``z`` of each response's arm.
            right: Whether it is right.
            steps: η·A/G of each response.
            sums: Sums of the positive and of the negative steps, each ``(C,)``.
            pi: Probabilities, ``(A, C)``.

        Returns:
            Changes by positive and by negative advantages, each ``(C,)``.
        """
        xp = self.xp
        moved = []
        for bound, total in zip((xp.maximum, xp.minimum), sums, strict=True):
            delta = xp.zeros_like(z)
            self.move(delta, place, right, bound(steps, 0.0))
            moved.append(delta - total * pi if self.study.update == "policy_gradient" else delta)
        one, other = moved
        return split_change(lambda logits: entropy(xp, logits), z, one + other, one, other)


def mixed_chance(xp: Namespace, p: Array, size: int) -> Array:
    """Chance 1 - p^G - (1-p)^G that a group has right and wrong responses, also where it is tiny."""
    rare = xp.minimum(p, 1 - p)
    return -xp.expm1(size * xp.log1p(-rare)) - rare**size


def simulate_single(xp: Namespace, study: Study, runs: range) -> tuple[dict[str, np.ndarray], Array]:
    """Simulate runs of a study for which ``study.dense_only`` is None.

    Args:
        xp: NumPy or CuPy.
        study: The study.
        runs: The runs' numbers.

    Returns:
        Records ``(S, R)``, and logits after the last step ``(1, A, R)``, up to a common shift.
    """
    query = Query(xp, study)
    recorder = Recorder(xp, study, len(runs))
    z = query.logits(runs)
    clock = xp.zeros(len(runs), dtype=xp.int64)
    if study.algorithm != "events":
        clock = _dense(query, recorder, runs, z, leave=study.algorithm == "auto" and query.quiet)
    _events(query, recorder, runs, z, clock)
    final = xp.empty_like(z)
    final[xp.asarray(query.order)] = z
    return recorder.finish(), final[None]


def _dense(query: Query, recorder: Recorder, runs: range, logits: Array, *, leave: bool) -> Array:
    """Take all runs through the same steps together.

    Args:
        query: The problem.
        recorder: Where records go.
        runs: The runs' numbers.
        logits: Logits at the start, ``(A, R)``; overwritten with those at which the runs end here.
        leave: Whether runs in which mixed groups are rare may leave.

    Returns:
        The step at which each run has left, ``(R,)``; the number of steps for those that have not.
    """
    xp, study = query.xp, query.study
    size, steps = study.group_size, study.steps
    clock = xp.full(len(runs), steps, dtype=xp.int64)
    states = streams(xp, runs, study.seed, RESPONSES)
    responses = xp.arange(size)[:, None]
    splitting = bool(recorder.wanted & set(SUMMED))
    counted = [name for name in query.counts if name in recorder.wanted]
    # Weights that are not needed after sampling may turn into their running sums.
    in_place = query.deterministic and not query.centred and not splitting
    columns: Any = slice(None)
    z, running, weight = logits, None, None
    for step in range(steps):
        if leave and step % _REVIEW == 0:
            rare = mixed_chance(xp, _success(query, z), size) < _RARE
            if bool(rare.any()):
                here = xp.arange(len(runs))[columns]
                logits[:, here[rare]] = z[:, rare]
                clock[here[rare]] = step
                columns, z, states = here[~rare], xp.ascontiguousarray(z[:, ~rare]), states[~rare]
                running = None
                if not len(columns):
                    break
        if running is None:
            count = z.shape[1]
            running = xp.full((padded_rows(len(query.arm)), count), np.inf)
            outcomes = running[: len(query.arm)]
            weight = outcomes if in_place else xp.empty_like(z)
            outcome_rows = rows_of(xp, outcomes)
            weight_rows = outcome_rows if in_place else rows_of(xp, weight)
            numbers = xp.arange(count)
            work = Workspace.of(xp, size, count)
        if step % query.recentre == 0:
            z -= z.max(axis=0)
        xp.exp(z, out=weight)
        due = recorder.due(step)
        weighted = column_dot(xp, weight, z) if due and "entropy" in recorder.wanted else None
        cumulate(xp, weight_rows if query.deterministic else query.outcomes(weight), outcome_rows)
        total = outcomes[-1]
        if due:
            p = running[query.right_rows - 1] / total if query.right_rows else xp.zeros(count)
            # Rounding, of the size of 1e-15, must not make an entropy negative.
            h = None if weighted is None else xp.maximum(xp.log(total) - weighted / total, 0.0)
            for name, values in query.states(recorder, z, h, p).items():
                recorder.state(name, step, values, columns)

        u = uniform_at(states, step * size + responses, (work.targets, work.values))
        targets = xp.multiply(u, total, out=work.targets)  # below total, rounded too
        outcome = search(xp, running, targets, numbers, work)
        right = xp.less(outcome, query.right_rows * count, out=work.passed)
        n = right.sum(axis=0)
        # wrong[n] for wrong responses, correct[n] for right ones
        moves = xp.multiply(right, query.correct[n] - query.wrong[n], out=work.values)
        xp.add(moves, query.wrong[n], out=moves)
        place = query.arms(outcome, numbers)
        for name in counted:
            recorder.add(name, step, query.counts[name][n], columns)
        recorder.add("attempts", step, 1.0, columns)
        if splitting:
            sums = column_sum(xp, xp.maximum(moves, 0.0)), column_sum(xp, xp.minimum(moves, 0.0))
            for name, values in zip(SUMMED, query.changes(z, place, right, moves, sums, weight / total), strict=True):
                recorder.add(name, step, values, columns)
        if query.centred:
            weight *= query.net[n] / total
            z -= weight
        query.move(z, place, right, moves)
    if len(clock):
        logits[:, columns] = z
    return clock


def _success(query: Query, z: Array) -> Array:
    """Success probability, ``(A, C)`` to ``(C,)``."""
    weight = query.xp.exp(z - z.max(axis=0))
    rows = query.outcomes(weight)
    right = column_sum(query.xp, rows[: query.right_rows].copy()) if query.right_rows else 0.0 * weight[0]
    return right / column_sum(query.xp, rows.copy())


def _events(query: Query, recorder: Recorder, runs: range, logits: Array, clock: Array) -> None:
    """Take each run from one mixed group to the next until its steps are over.

    Args:
        query: The problem.
        recorder: Where records go.
        runs: The runs' numbers.
        logits: Logits, ``(A, R)``; overwritten with those at the end.
        clock: The step that each run stands before, ``(R,)``.
    """
    xp, study = query.xp, query.study
    size, steps, every = study.group_size, study.steps, study.every
    splitting = bool(recorder.wanted & set(SUMMED))
    everyone = {purpose: streams(xp, runs, study.seed, purpose) for purpose in (RESPONSES, WAITING, SUCCESSES, EQUAL)}
    columns = xp.flatnonzero(clock < steps)
    z, clock = xp.ascontiguousarray(logits[:, columns]), clock[columns]
    stays: list[tuple[Array, Array, dict[str, Array]]] = []
    running = None
    while len(columns):
        if running is None:
            count = len(columns)
            running = xp.full((padded_rows(len(query.arm)), count), np.inf)
            state = {purpose: values[columns] for purpose, values in everyone.items()}
            memory = Workspace.of(xp, size * count)
        z -= z.max(axis=0)
        weight = xp.exp(z)
        weighted = column_dot(xp, weight, z)
        cumulate(xp, query.outcomes(weight), running[: len(query.arm)])
        total = running[len(query.arm) - 1]
        mass = running[query.right_rows - 1] if query.right_rows else xp.zeros(count)
        p = mass / total
        values = query.states(recorder, z, xp.maximum(xp.log(total) - weighted / total, 0.0), p)

        # The next group that is mixed.
        chance = mixed_chance(xp, p, size)
        with np.errstate(divide="ignore", invalid="ignore"):
            waiting = xp.log1p(-uniform_at(state[WAITING], clock)) / xp.log1p(-chance)
        waiting = xp.where(chance > 0, xp.minimum(waiting, steps), steps).astype(xp.int64)
        event = xp.minimum(clock + waiting, steps)
        # The state lasts from here to the event: these rows, if any.
        row = -(-clock // every)
        lasting = xp.minimum(event, steps - 1) // every >= row
        stays.append((row[lasting], columns[lasting], {name: value[lasting] for name, value in values.items()}))
        _equal_groups(query, recorder, p, columns, clock, event, state[EQUAL])

        happens = event < steps
        n = _mixed_successes(xp, p, size, uniform_at(state[SUCCESSES], event))
        first = xp.where(query.correct[n] != 0, 0, n)  # the first n responses are the right ones
        last = xp.where(query.wrong[n] != 0, size, n)
        response, owner = ranges(xp, first, xp.where(happens, last - first, 0))
        work = memory.first(len(owner))
        u = uniform_at(state[RESPONSES][owner], event[owner] * size + response, (work.targets, work.values))
        right = response < n[owner]
        base, width = xp.where(right, 0.0, mass[owner]), xp.where(right, mass[owner], (total - mass)[owner])
        # Right rows end below `mass`, and no rounding may lead beyond the last row.
        below = xp.nextafter(total, 0.0)
        targets = xp.minimum(base + u * width, below[owner])
        outcome = search(xp, running, targets, owner, work)
        moves = xp.where(right, query.correct[n][owner], query.wrong[n][owner])
        place = query.arms(outcome, columns)
        cell = (event[happens] // every) * len(runs) + columns[happens]
        for name in query.counts:
            _gather_step(xp, recorder, name, cell, query.counts[name][n[happens]])
        _gather_step(xp, recorder, "attempts", cell, xp.ones(len(cell)))
        if splitting:
            sums = [
                xp.where(happens, sign(query.correct[n], 0.0) * n + sign(query.wrong[n], 0.0) * (size - n), 0.0)
                for sign in (xp.maximum, xp.minimum)
            ]
            parts = query.changes(z, place, right, moves, (sums[0], sums[1]), weight / total)
            for name, part in zip(SUMMED, parts, strict=True):
                _gather_step(xp, recorder, name, cell, part[happens])
        if query.centred:
            weight *= xp.where(happens, query.net[n], 0.0) / total
            z -= weight
        query.move(z, place, right, moves)
        clock = xp.minimum(event + 1, steps)

        over = clock >= steps
        if int(over.sum()) > len(columns) // 8 or bool(over.all()):
            logits[:, columns[over]] = z[:, over]
            columns, clock, z = columns[~over], clock[~over], xp.ascontiguousarray(z[:, ~over])
            running = None
    _fill(xp, recorder, stays)


def _mixed_successes(xp: Namespace, p: Array, size: int, u: Array) -> Array:
    """Number of successes among G, given that it is neither 0 nor G, by inversion."""
    # j counts the rarer side: P(j) is proportional to C(G, j)·ratio^j.
    rare = xp.minimum(p, 1 - p)
    ratio = rare / (1 - rare)
    weight = xp.full(p.shape, float(size))
    running = xp.empty((size - 1, *p.shape))
    running[0] = weight
    for j in range(1, size - 1):
        weight = weight * (ratio * ((size - j) / (j + 1)))
        running[j] = running[j - 1] + weight
    j = 1 + (running[:-1] <= u * running[-1]).sum(axis=0)
    return xp.where(p <= 0.5, j, size - j)


def _fill(xp: Namespace, recorder: Recorder, stays: list[tuple[Array, Array, dict[str, Array]]]) -> None:
    """Write records of the policy to all rows during which it stays the same.

    Args:
        xp: NumPy or CuPy.
        recorder: Where records go.
        stays: First row, column and values of states; each lasts until its column's next one, or to the end.
    """
    if not stays:
        return
    row, column = (xp.concatenate([stay[part] for stay in stays]) for part in (0, 1))
    order = xp.argsort(row, kind="stable")
    column = column[order]
    bounds = to_numpy(xp.searchsorted(row[order], xp.arange(recorder.rows + 1)))
    for name in stays[0][2]:
        value = xp.concatenate([stay[2][name] for stay in stays])[order]
        current, known = xp.zeros(recorder.count), xp.zeros(recorder.count, dtype=bool)
        for number, target in enumerate(recorder.table(name)):
            begins = slice(bounds[number], bounds[number + 1])
            current[column[begins]] = value[begins]
            known[column[begins]] = True
            xp.copyto(target, current, where=known)


def _equal_groups(
    query: Query, recorder: Recorder, p: Array, columns: Array, start: Array, stop: Array, state: Array
) -> None:
    """Record the steps whose groups are all right or all wrong."""
    xp, study = query.xp, query.study
    if not recorder.wanted & {"zero_share", "accuracy", "baseline", "attempts"}:
        return
    step, owner = ranges(xp, start, stop - start)
    cell = (step // study.every) * recorder.count + columns[owner]
    ones = xp.ones(len(step))
    _gather_step(xp, recorder, "zero_share", cell, ones)
    _gather_step(xp, recorder, "attempts", cell, ones)
    if recorder.wanted & {"accuracy", "baseline"}:
        all_right, all_wrong = p**study.group_size, (1 - p) ** study.group_size
        share = all_right / (all_right + all_wrong)
        right = (uniform_at(state[owner], step) < share[owner]).astype(xp.float64)
        _gather_step(xp, recorder, "accuracy", cell, right)
        _gather_step(xp, recorder, "baseline", cell, right)


def _gather_step(xp: Namespace, recorder: Recorder, name: str, cell: Array, values: Array) -> None:
    """Add what steps did to their rows."""
    if name in recorder.wanted:
        scatter_add(xp, recorder.table(name).reshape(-1), cell, values)
