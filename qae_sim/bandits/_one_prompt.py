"""The fast simulator: one prompt with its own logits, one plain gradient step per group.

Two algorithms simulate the same distribution. `Dense` takes all runs through the same step together. `Events` exploits
that a group whose responses are all correct or all wrong changes nothing: it draws the waiting time until the next
mixed group (geometric), the number of its successes (binomial, given that it is mixed), and its responses from the
correct and from the wrong arms. Each run has its own clock there, and only responses with an advantage are drawn.

An outcome is an arm with its reward: a deterministic arm has one, a Bernoulli arm two. Weights to sample from have one
row for each outcome, correct ones first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.arrays import Array, Namespace
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
from qae_sim.bandits._tables import table_of
from qae_sim.bandits.problems import Bandit
from qae_sim.bandits.study import Study
from qae_sim.softmax.binomial_law import chance_of_any
from qae_sim.streams import streams, uniform_at

#: Logits may rise this far above 0 before they are shifted back; so far exp() and the entropy keep their digits.
_HEADROOM = 32.0
#: Steps after which a run may leave the dense algorithm, and the chance of a mixed group below which it does.
_REVIEW, _RARE = 32, 0.6


class Prompt:
    """A study's problem and estimator as arrays, arms sorted by their chance to be correct."""

    def __init__(self, xp: Namespace, study: Study) -> None:
        problem = study.problem
        assert isinstance(problem, Bandit)
        self.xp, self.study = xp, study
        success = np.array(problem.success[0])
        self.order = np.argsort(-success, kind="stable")
        x = success[self.order]
        correct, wrong = np.flatnonzero(x > 0), np.flatnonzero(x < 1)
        self.correct_rows = len(correct)
        self.deterministic = problem.deterministic
        self.arm = xp.asarray(np.concatenate([correct, wrong]))
        self.share = xp.asarray(np.concatenate([x[correct], 1 - x[wrong]])[:, None])
        self.log_success = xp.asarray(np.log(x[correct])[:, None])
        self.start = xp.asarray(np.array(problem.start[0])[self.order][:, None])

        size = study.group_size
        table = table_of(study.rule, study.group_size, 0)
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
            values["pass_at_k"] = chance_of_any(p, self.study.pass_at)
        if "correct_entropy" in recorder.wanted:
            correct = z[: self.correct_rows] + self.log_success
            values["correct_entropy"] = entropy(self.xp, correct) if self.correct_rows else self.xp.full(len(p), np.nan)
        return values

    def arms(self, place: Array, columns: Array) -> Array:
        """Flat places of arms in ``(A, C)`` from those of outcomes in ``(rows, C)``."""
        if self.deterministic:
            return place
        count = columns.size
        return self.arm[place // count] * count + place % count

    def move(self, z: Array, place: Array, is_correct: Array, steps: Array) -> None:
        """Add each response's step to the logit of its arm, in place."""
        flat = z.reshape(-1)
        if self.deterministic:
            scatter_add(self.xp, flat, place, steps)
        else:  # an arm may be correct and wrong in one group: first one, then the other, see scatter_add
            scatter_add(self.xp, flat, place, self.xp.where(is_correct, steps, 0.0))
            scatter_add(self.xp, flat, place, self.xp.where(is_correct, 0.0, steps))

    def changes(
        self, z: Array, place: Array, is_correct: Array, steps: Array, sums: tuple[Array, Array], pi: Array
    ) -> tuple[Array, Array]:
        """Split the entropy change of a step by the sign of the advantage.

        Args:
            z: Logits before the step, ``(A, C)``.
            place: Flat place in ``z`` of each response's arm.
            is_correct: Whether each response is correct.
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
            self.move(delta, place, is_correct, bound(steps, 0.0))
            moved.append(delta - total * pi if self.study.update == "policy_gradient" else delta)
        one, other = moved
        return split_change(lambda logits: entropy(xp, logits), z, one + other, one, other)


def mixed_chance(xp: Namespace, p: Array, size: int) -> Array:
    """Chance 1 - p^G - (1-p)^G that a group has correct and wrong responses, also where it is tiny."""
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
    prompt = Prompt(xp, study)
    recorder = Recorder(xp, study, len(runs))
    z = prompt.logits(runs)
    clock = xp.zeros(len(runs), dtype=xp.int64)
    if study.algorithm != "events":
        clock = Dense(prompt, recorder, runs, z).run(leave=study.algorithm == "auto" and prompt.quiet)
    Events(prompt, recorder, runs, z, clock).run()
    final = xp.empty_like(z)
    final[xp.asarray(prompt.order)] = z
    return recorder.finish(), final[None]


class Dense:
    """All runs through the same steps together.

    One step of a run: z are its logits, w = exp(z) up to a common factor, and the running sums of w over outcomes are
    its distribution function up to that factor. The first running sum above a uniform number times the total gives an
    outcome, which is correct if it is among the correct rows. With n correct outcomes of G the table of advantages
    gives each response's move η·A/G; z grows by it at the response's arm, less π times the sum of all moves.

    Args:
        prompt: The problem.
        recorder: Where records go.
        runs: The runs' numbers.
        logits: Logits at the start, ``(A, R)``; overwritten with those at which the runs end here.
    """

    def __init__(self, prompt: Prompt, recorder: Recorder, runs: range, logits: Array) -> None:
        xp, study = prompt.xp, prompt.study
        self.prompt, self.recorder, self.logits = prompt, recorder, logits
        self.clock = xp.full(len(runs), study.steps, dtype=xp.int64)
        self.states = streams(xp, runs, study.seed, RESPONSES)
        self.responses = xp.arange(study.group_size)[:, None]
        self.splitting = bool(recorder.wanted & set(SUMMED))
        self.counted = [name for name in prompt.counts if name in recorder.wanted]
        #: Runs that are still here, as columns of the records, and their logits.
        self.columns: Any = slice(None)
        self.z = logits
        self._take_memory()

    def run(self, *, leave: bool) -> Array:
        """Take the steps.

        Args:
            leave: Whether runs in which mixed groups are rare may leave.

        Returns:
            The step at which each run has left, ``(R,)``; the number of steps for those that have not.
        """
        for step in range(self.prompt.study.steps):
            if leave and step % _REVIEW == 0:
                self._let_rare_ones_leave(step)
                if not self.z.shape[1]:
                    return self.clock
            if step % self.prompt.recentre == 0:
                self.z -= self.z.max(axis=0)
            total = self._distribution(step)
            outcome = self._sample(step, total)
            self._learn(step, outcome, total)
        if len(self.clock):
            self.logits[:, self.columns] = self.z
        return self.clock

    def _take_memory(self) -> None:
        """Take memory for as many runs as are here: fresh memory for every step would cost as much as the step."""
        xp, prompt = self.prompt.xp, self.prompt
        self.count = self.z.shape[1]
        self.running = xp.full((padded_rows(len(prompt.arm)), self.count), np.inf)
        outcomes = self.running[: len(prompt.arm)]
        # Weights that are not needed after sampling may turn into their running sums.
        in_place = prompt.deterministic and not prompt.centred and not self.splitting
        self.weight = outcomes if in_place else xp.empty_like(self.z)
        self.outcome_rows = rows_of(xp, outcomes)
        self.weight_rows = self.outcome_rows if in_place else rows_of(xp, self.weight)
        self.numbers = xp.arange(self.count)
        self.work = Workspace.of(xp, prompt.study.group_size, self.count)

    def _let_rare_ones_leave(self, step: int) -> None:
        """Move runs out in which mixed groups have become rare, 1 - p^G - (1-p)^G < ``_RARE``."""
        xp = self.prompt.xp
        rare = mixed_chance(xp, _success(self.prompt, self.z), self.prompt.study.group_size) < _RARE
        if bool(rare.any()):
            here = xp.arange(len(self.clock))[self.columns]
            self.logits[:, here[rare]] = self.z[:, rare]
            self.clock[here[rare]] = step
            self.columns, self.states = here[~rare], self.states[~rare]
            self.z = xp.ascontiguousarray(self.z[:, ~rare])
            self._take_memory()

    def _distribution(self, step: int) -> Array:
        """Compute weights w = exp(z) and their running sums over outcomes; record the policy. Returns the totals."""
        xp, prompt, recorder = self.prompt.xp, self.prompt, self.recorder
        xp.exp(self.z, out=self.weight)
        due = recorder.due(step)
        weighted = column_dot(xp, self.weight, self.z) if due and "entropy" in recorder.wanted else None
        outcomes = self.weight_rows if prompt.deterministic else prompt.outcomes(self.weight)
        cumulate(xp, outcomes, self.outcome_rows)
        total = self.running[len(prompt.arm) - 1]
        if due:
            p = self.running[prompt.correct_rows - 1] / total if prompt.correct_rows else xp.zeros(self.count)
            # H = log Σw - Σwz/Σw. Rounding, of the size of 1e-15, must not make an entropy negative.
            h = None if weighted is None else xp.maximum(xp.log(total) - weighted / total, 0.0)
            for name, values in prompt.states(recorder, self.z, h, p).items():
                recorder.state(name, step, values, self.columns)
        return total

    def _sample(self, step: int, total: Array) -> Array:
        """Draw G outcomes for each run, ``(G, C)``: the first whose running sum exceeds u times the total."""
        xp, work = self.prompt.xp, self.work
        positions = step * self.prompt.study.group_size + self.responses
        u = uniform_at(self.states, positions, (work.targets, work.values))
        targets = xp.multiply(u, total, out=work.targets)  # below total, rounded too
        return search(xp, self.running, targets, self.numbers, work)

    def _learn(self, step: int, outcome: Array, total: Array) -> None:
        """Update the logits by the group: z += η·A/G at each response's arm, less π times their sum."""
        xp, prompt, recorder, work = self.prompt.xp, self.prompt, self.recorder, self.work
        is_correct = xp.less(outcome, prompt.correct_rows * self.count, out=work.passed)
        n = is_correct.sum(axis=0)
        # wrong[n] for wrong responses, correct[n] for correct ones
        moves = xp.multiply(is_correct, prompt.correct[n] - prompt.wrong[n], out=work.values)
        xp.add(moves, prompt.wrong[n], out=moves)
        place = prompt.arms(outcome, self.numbers)
        for name in self.counted:
            recorder.add(name, step, prompt.counts[name][n], self.columns)
        recorder.add("attempts", step, 1.0, self.columns)
        if self.splitting:
            sums = column_sum(xp, xp.maximum(moves, 0.0)), column_sum(xp, xp.minimum(moves, 0.0))
            changes = prompt.changes(self.z, place, is_correct, moves, sums, self.weight / total)
            for name, values in zip(SUMMED, changes, strict=True):
                recorder.add(name, step, values, self.columns)
        if prompt.centred:
            self.weight *= prompt.net[n] / total
            self.z -= self.weight
        prompt.move(self.z, place, is_correct, moves)


def _success(prompt: Prompt, z: Array) -> Array:
    """Success probability, ``(A, C)`` to ``(C,)``."""
    weight = prompt.xp.exp(z - z.max(axis=0))
    rows = prompt.outcomes(weight)
    mass = column_sum(prompt.xp, rows[: prompt.correct_rows].copy()) if prompt.correct_rows else 0.0 * weight[0]
    return mass / column_sum(prompt.xp, rows.copy())


class Events:
    """Each run from one mixed group to the next, by its own clock.

    A group whose responses are all correct or all wrong changes nothing, so the policy stays as it is until the next
    mixed group. With M = 1 - p^G - (1-p)^G the chance of one, the steps until then are geometric: ⌊log(1-u)/log(1-M)⌋;
    the number n of its correct responses is binomial, given 0 < n < G; and those of its responses that have an
    advantage are drawn from the correct and from the wrong outcomes.

    Args:
        prompt: The problem.
        recorder: Where records go.
        runs: The runs' numbers.
        logits: Logits, ``(A, R)``; overwritten with those at the end.
        clock: The next step of each run, ``(R,)``.
    """

    def __init__(self, prompt: Prompt, recorder: Recorder, runs: range, logits: Array, clock: Array) -> None:
        xp, study = prompt.xp, prompt.study
        self.prompt, self.recorder, self.logits = prompt, recorder, logits
        self.splitting = bool(recorder.wanted & set(SUMMED))
        purposes = (RESPONSES, WAITING, SUCCESSES, EQUAL)
        self.everyone = {purpose: streams(xp, runs, study.seed, purpose) for purpose in purposes}
        self.runs = len(runs)
        #: Runs that are not over, as columns of the records; their clocks and logits.
        self.columns = xp.flatnonzero(clock < study.steps)
        self.clock = clock[self.columns]
        self.z = xp.ascontiguousarray(logits[:, self.columns])
        #: First row, column and values of states that lasted.
        self.stays: list[tuple[Array, Array, dict[str, Array]]] = []
        self._take_memory()

    def run(self) -> None:
        """Go from event to event until all steps of all runs are over."""
        xp, study = self.prompt.xp, self.prompt.study
        while len(self.columns):
            p = self._distribution()
            event = self._next_event(p)
            self._record_stay(p, event)
            happens = event < study.steps
            n = _mixed_successes(xp, p, study.group_size, uniform_at(self.state[SUCCESSES], event))
            outcome, owner, is_correct = self._sample(n, event, happens)
            self._learn(n, event, happens, outcome, owner, is_correct)
            self.clock = xp.minimum(event + 1, study.steps)
            self._drop_those_that_are_over()
        _fill(xp, self.recorder, self.stays)

    def _take_memory(self) -> None:
        """Take memory for as many runs as are left."""
        xp, prompt = self.prompt.xp, self.prompt
        self.count = len(self.columns)
        self.running = xp.full((padded_rows(len(prompt.arm)), self.count), np.inf)
        self.state = {purpose: values[self.columns] for purpose, values in self.everyone.items()}
        self.memory = Workspace.of(xp, prompt.study.group_size * self.count)

    def _distribution(self) -> Array:
        """Compute weights w = exp(z) and their running sums over outcomes. Returns success rates ``(C,)``."""
        xp, prompt = self.prompt.xp, self.prompt
        self.z -= self.z.max(axis=0)
        self.weight = xp.exp(self.z)
        self.weighted = column_dot(xp, self.weight, self.z)
        cumulate(xp, prompt.outcomes(self.weight), self.running[: len(prompt.arm)])
        self.total = self.running[len(prompt.arm) - 1]
        self.mass = self.running[prompt.correct_rows - 1] if prompt.correct_rows else xp.zeros(self.count)
        return self.mass / self.total

    def _next_event(self, p: Array) -> Array:
        """The step of the next mixed group, ``(C,)``; the number of steps where there is none before the end."""
        xp, steps = self.prompt.xp, self.prompt.study.steps
        chance = mixed_chance(xp, p, self.prompt.study.group_size)
        with np.errstate(divide="ignore", invalid="ignore"):
            waiting = xp.log1p(-uniform_at(self.state[WAITING], self.clock)) / xp.log1p(-chance)
        waiting = xp.where(chance > 0, xp.minimum(waiting, steps), steps).astype(xp.int64)
        return xp.minimum(self.clock + waiting, steps)

    def _record_stay(self, p: Array, event: Array) -> None:
        """Record the policy for all rows until the event, and the groups of equal rewards before it."""
        xp, study = self.prompt.xp, self.prompt.study
        h = xp.maximum(xp.log(self.total) - self.weighted / self.total, 0.0)
        values = self.prompt.states(self.recorder, self.z, h, p)
        row = -(-self.clock // study.every)
        lasting = xp.minimum(event, study.steps - 1) // study.every >= row
        lasting_values = {name: value[lasting] for name, value in values.items()}
        self.stays.append((row[lasting], self.columns[lasting], lasting_values))
        _equal_groups(self.prompt, self.recorder, p, self.columns, self.clock, event, self.state[EQUAL])

    def _sample(self, n: Array, event: Array, happens: Array) -> tuple[Array, Array, Array]:
        """Draw the responses that have an advantage: outcomes, runs, and which are correct."""
        xp, prompt, size = self.prompt.xp, self.prompt, self.prompt.study.group_size
        first = xp.where(prompt.correct[n] != 0, 0, n)  # the first n responses are the correct ones
        last = xp.where(prompt.wrong[n] != 0, size, n)
        response, owner = ranges(xp, first, xp.where(happens, last - first, 0))
        work = self.memory.first(len(owner))
        positions = event[owner] * size + response
        u = uniform_at(self.state[RESPONSES][owner], positions, (work.targets, work.values))
        is_correct = response < n[owner]
        base = xp.where(is_correct, 0.0, self.mass[owner])
        width = xp.where(is_correct, self.mass[owner], (self.total - self.mass)[owner])
        # Correct rows end below `mass`, and no rounding may lead beyond the last row.
        below = xp.nextafter(self.total, 0.0)
        targets = xp.minimum(base + u * width, below[owner])
        return search(xp, self.running, targets, owner, work), owner, is_correct

    def _learn(self, n: Array, event: Array, happens: Array, outcome: Array, owner: Array, is_correct: Array) -> None:
        """Update the logits by the group, as :meth:`Dense._learn` does; record the step."""
        xp, prompt, recorder = self.prompt.xp, self.prompt, self.recorder
        moves = xp.where(is_correct, prompt.correct[n][owner], prompt.wrong[n][owner])
        place = prompt.arms(outcome, self.columns)
        cell = (event[happens] // prompt.study.every) * self.runs + self.columns[happens]
        for name in prompt.counts:
            _gather_step(xp, recorder, name, cell, prompt.counts[name][n[happens]])
        _gather_step(xp, recorder, "attempts", cell, xp.ones(len(cell)))
        if self.splitting:
            positive, negative = (self._sum_of_moves(sign, n, happens) for sign in (xp.maximum, xp.minimum))
            changes = prompt.changes(self.z, place, is_correct, moves, (positive, negative), self.weight / self.total)
            for name, part in zip(SUMMED, changes, strict=True):
                _gather_step(xp, recorder, name, cell, part[happens])
        if prompt.centred:
            self.weight *= xp.where(happens, prompt.net[n], 0.0) / self.total
            self.z -= self.weight
        prompt.move(self.z, place, is_correct, moves)

    def _sum_of_moves(self, sign: Any, n: Array, happens: Array) -> Array:
        """Sum over the group of its positive, or of its negative, moves, ``(C,)``."""
        xp, prompt, size = self.prompt.xp, self.prompt, self.prompt.study.group_size
        total = sign(prompt.correct[n], 0.0) * n + sign(prompt.wrong[n], 0.0) * (size - n)
        return xp.where(happens, total, 0.0)

    def _drop_those_that_are_over(self) -> None:
        """Store the logits of runs that are over, once there are enough of them to be worth the copying."""
        xp = self.prompt.xp
        over = self.clock >= self.prompt.study.steps
        if int(over.sum()) > len(self.columns) // 8 or bool(over.all()):
            self.logits[:, self.columns[over]] = self.z[:, over]
            self.columns, self.clock = self.columns[~over], self.clock[~over]
            self.z = xp.ascontiguousarray(self.z[:, ~over])
            self._take_memory()


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
    prompt: Prompt, recorder: Recorder, p: Array, columns: Array, start: Array, stop: Array, state: Array
) -> None:
    """Record the steps whose groups are all correct or all wrong."""
    xp, study = prompt.xp, prompt.study
    if not recorder.wanted & {"zero_share", "accuracy", "baseline", "attempts"}:
        return
    step, owner = ranges(xp, start, stop - start)
    cell = (step // study.every) * recorder.count + columns[owner]
    ones = xp.ones(len(step))
    _gather_step(xp, recorder, "zero_share", cell, ones)
    _gather_step(xp, recorder, "attempts", cell, ones)
    if recorder.wanted & {"accuracy", "baseline"}:
        all_correct, all_wrong = p**study.group_size, (1 - p) ** study.group_size
        share = all_correct / (all_correct + all_wrong)
        is_correct = (uniform_at(state[owner], step) < share[owner]).astype(xp.float64)
        _gather_step(xp, recorder, "accuracy", cell, is_correct)
        _gather_step(xp, recorder, "baseline", cell, is_correct)


def _gather_step(xp: Namespace, recorder: Recorder, name: str, cell: Array, values: Array) -> None:
    """Add values of single steps to the rows of a record."""
    if name in recorder.wanted:
        scatter_add(xp, recorder.table(name).reshape(-1), cell, values)
