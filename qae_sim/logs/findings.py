"""What a log says about a run, finding by finding: a verdict, numbers with intervals, or what is lacking.

The arithmetic is that of :mod:`qae_sim.logs.resampling`. B groups of G responses; "first" and "last" are the first and
last fifth of the steps for responses, and the first and last tenth for metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.arrays import tally
from qae_sim.logs.digest import Digest
from qae_sim.logs.resampling import FEWEST, Estimated, change_over_steps, difference, highest_rate, shares_of_sums
from qae_sim.logs.shares import compared

#: What an interval comes from, in words.
_BY_PROMPTS, _BY_STEPS = "bootstrap over prompts", "bootstrap over blocks of steps"
#: A prompt that never succeeded is called dead if a success rate of this or more would have shown, with 95 %.
DEAD_BELOW = 0.1
#: The values of K that are compared.
COMPARED_K = (0.2, 0.4, 0.6, 0.8)
_AT_ONCE = 10_000
#: Beginnings of prompts that a finding names.
_NAMED = 5


@dataclass(frozen=True)
class RunFinding:
    """One thing that was looked for in a log.

    Attributes:
        name: Short name.
        title: What was looked for.
        state: What was found, in a word or two; ``"cannot tell"`` if the log does not say.
        verdict: The same as a sentence.
        alarm: Whether it calls for a change.
        numbers: The evidence.
        lacks: What the log would need to say it, or say it better; empty if nothing.
        prompts: Beginnings of the prompts that are meant, at most five.
    """

    name: str
    title: str
    state: str
    verdict: str
    alarm: bool = False
    numbers: tuple[Estimated, ...] = ()
    lacks: str = ""
    prompts: tuple[str, ...] = ()


def _cannot_tell(name: str, title: str, lacks: str) -> RunFinding:
    """Say that a log does not hold what is needed."""
    return RunFinding(name, title, "cannot tell", f"Cannot tell: {lacks}.", lacks=lacks)


@dataclass(frozen=True)
class RunEvidence:
    """A digest with what several findings need of it.

    Attributes:
        digest: What a log says; with rewards of its groups.
        seed: Seed of the bootstraps.
    """

    digest: Digest
    seed: int = 0

    @cached_property
    def rewards(self) -> np.ndarray:
        """Rewards, ``(B, G)``."""
        assert self.digest.rewards is not None  # diagnose has asked
        return self.digest.rewards

    @cached_property
    def right(self) -> np.ndarray:
        """Which responses succeed, ``(B, G)``."""
        return np.asarray(self.rewards >= self.digest.success)

    @cached_property
    def mixed(self) -> np.ndarray:
        """Which groups have different rewards, ``(B,)``."""
        return np.asarray(np.ptp(self.rewards, axis=1) > 0)

    @cached_property
    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Groups with the same rewards in any order as one, in rising order, and which of these each group is."""
        kinds, which = np.unique(np.sort(self.rewards, axis=1), axis=0, return_inverse=True)
        return kinds, which.reshape(-1)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Groups of the first and of the last fifth of the steps, ``(B,)`` each; None with less than 5 steps."""
        steps, count = self.digest.steps, len(self.digest.steps) // 5
        if not count:
            return None
        return self.digest.group_steps <= steps[count - 1], self.digest.group_steps >= steps[-count]

    def share(self, name: str, above: np.ndarray, below: np.ndarray | None = None, unit: str = "share") -> Estimated:
        """A ratio of sums over groups, with its interval."""
        one = np.ones(len(self.rewards)) if below is None else below
        value, low, high = shares_of_sums(above, one, self.digest.group_prompts, seed=self.seed)
        return _number(name, float(value[0]), unit, float(low[0]), float(high[0]), _BY_PROMPTS)

    def change(self, name: str, above: np.ndarray, below: np.ndarray, unit: str) -> Estimated | None:
        """How a ratio of sums over groups has changed from the first to the last fifth; None with few steps."""
        if self.ends is None:
            return None
        first, last = self.ends
        parts = (above * first, below * first), (above * last, below * last)
        found = difference(*parts, self.digest.group_prompts, seed=self.seed)
        return _number(name, *found[:1], unit, *found[1:], _BY_PROMPTS) if math.isfinite(found[0]) else None


def _number(name: str, value: float, unit: str, low: float, high: float, how: str) -> Estimated:
    """A number whose interval may be unknown."""
    return Estimated(name, value, unit, low, high, how if math.isfinite(low) else "")


def _span(number: Estimated, form: str) -> str:
    """Write an interval."""
    if not math.isfinite(number.low):
        return f"no interval: less than {FEWEST} prompts"
    return f"{number.low:{form}} to {number.high:{form}}"


# --- over training ---


def learning(seen: RunEvidence) -> RunFinding:
    """Whether the reward rises: its mean in the last fifth less that in the first."""
    name, title = "learning", "Does the reward rise?"
    change = seen.change(
        "reward, last fifth less first", seen.rewards.mean(axis=1), np.ones(len(seen.rewards)), "reward"
    )
    if change is None:
        return _cannot_tell(name, title, "the log has less than 5 steps")
    state = _direction(change)
    verdict = f"The mean reward {_VERB[state]} ({change.value:+.3f}, {_span(change, '+.3f')})."
    return RunFinding(name, title, state, verdict, state == "falls", (change,))


#: What a direction is called in a sentence.
_VERB = {
    "rises": "rises from the first to the last fifth of the steps",
    "falls": "falls from the first to the last fifth of the steps",
    "steady": "does not change by more than chance between the first and the last fifth of the steps",
    "cannot tell": "was too little observed to say whether it changes",
}


def _direction(change: Estimated) -> str:
    """Say whether a change is more than chance."""
    if not math.isfinite(change.low):
        return "cannot tell"
    return "rises" if change.low > 0 else "falls" if change.high < 0 else "steady"


def entropy(seen: RunEvidence) -> RunFinding:
    """Whether the logged entropy collapses (to less than half) or explodes (to more than double).

    It collapses early if its mean over the second tenth of the steps is already less than half of its first value.
    """
    name, title = "entropy", "Does the entropy collapse or explode?"
    metric = seen.digest.metrics.get("entropy")
    if metric is None:
        return _cannot_tell(
            name,
            title,
            "no entropy is logged beside the responses (trainer_state.json, metrics.jsonl, wandb_export*.csv)",
        )
    factor, low, high = change_over_steps(metric.values, seed=seen.seed)
    if not math.isfinite(low):
        return _cannot_tell(name, title, "the entropy is logged at less than 15 steps, or starts at 0")
    state = (
        "collapses" if high < 0.5 else "explodes" if low > 2 else _direction(Estimated("", 0, "", low - 1, high - 1))
    )
    tenth = max(1, len(metric.values) // 10)
    if high < 0.5 and metric.values[tenth : 2 * tenth].mean() < 0.5 * metric.values[0]:
        state = "collapses early"
    word = {
        "collapses": "collapses",
        "collapses early": "collapses within the first fifth of the steps",
        "explodes": "explodes",
        "rises": "rises",
        "falls": "falls",
    }.get(state, "is steady")
    verdict = (
        f"The entropy {word}: at the end it is {factor:.2f} times that of the beginning ({low:.2f} to {high:.2f})."
    )
    number = Estimated(f"{metric.column}, last tenth over first", factor, "factor", low, high, _BY_STEPS)
    return RunFinding(name, title, state, verdict, state in ("collapses", "collapses early", "explodes"), (number,))


def repetition(seen: RunEvidence) -> RunFinding:
    """How often two responses of a group are the same text: Σ π(y)² of the policy, without any log-probability.

    Over all pairs of a group the share of equal texts is an unbiased estimate of Σ π(y)², and -log of that is at most
    the entropy of whole responses.
    """
    name, title = "repetition", "Do responses repeat each other?"
    answers = seen.digest.answers
    if answers is None:
        return _cannot_tell(name, title, "the log does not have the texts of responses")
    pairs = seen.digest.group_size * (seen.digest.group_size - 1)
    ordered = np.sort(answers, axis=1)
    same = _over_runs(ordered, lambda length: length * (length - 1.0)) / pairs
    change = seen.change("equal pairs, last fifth less first", same, np.ones(len(same)), "share")
    if change is None or seen.ends is None:
        return RunFinding(
            name, title, "known", "The log has less than 5 steps: no trend.", numbers=(seen.share("equal pairs", same),)
        )
    last = seen.share("equal pairs in the last fifth", same * seen.ends[1], seen.ends[1].astype(float))
    state = _direction(change)
    collapsed = state == "rises" and last.low > 0.5
    verdict = (
        f"In the last fifth of the steps {last.value:.0%} of the pairs of responses to a prompt are the same text "
        f"({_span(last, '.0%')}), {100 * change.value:+.0f} points against the first fifth."
    )
    return RunFinding(name, title, "collapses" if collapsed else state, verdict, collapsed, (last, change))


def _over_runs(ordered: np.ndarray, weight: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Add up weight(m) over the runs of m equal neighbours in each row, ``(B,)``."""
    rows, size = ordered.shape
    starts = np.ones((rows, size), dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.flatnonzero(starts.reshape(-1))
    length = np.diff(first, append=rows * size)
    return tally(first // size, weight(length), minlength=rows)


def lengths(seen: RunEvidence) -> RunFinding:
    """How lengths change, and whether failures outgrow successes, by a tenth of the mean length and more than chance.

    The mean length of a mixed group's failures, less that of its successes, compares responses to one prompt. A loss
    that is divided by each response's length widens this gap: long failures are pushed down less, short successes up
    more.
    """
    name, title = "lengths", "How do lengths change?"
    length = seen.digest.lengths
    if length is None or np.isnan(length).all():
        return _cannot_tell(name, title, "the log has no lengths or tokens of responses")
    known = np.isfinite(length)
    all_ = np.nan_to_num(length)
    means: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for label, chosen in (("all", known), ("successful", known & seen.right), ("other", known & ~seen.right)):
        means[label] = (all_ * chosen).sum(axis=1), chosen.sum(axis=1).astype(float)
    found = {
        label: seen.change(f"length of {label} responses, last fifth less first", *sums, "tokens")
        for label, sums in means.items()
    }
    (right, n_right), (wrong, n_wrong) = means["successful"], means["other"]
    both = known.all(axis=1) & (n_right > 0) & (n_wrong > 0)
    gap = np.where(both, wrong / np.maximum(n_wrong, 1) - right / np.maximum(n_right, 1), 0.0)
    grown = seen.change("failures' length less successes', last fifth less first", gap, both.astype(float), "tokens")
    total = found["all"]
    if total is None:
        return _cannot_tell(name, title, "the log has less than 5 steps with lengths")
    state = _direction(total)
    verdict = f"The length of responses {_VERB[state]} ({total.value:+.1f}, {_span(total, '+.1f')})."
    alarm = False
    if grown is not None:
        alarm = grown.low > 0 and grown.value > 0.1 * float(length[known].mean())
        verdict += (
            f" Compared with successes of the same group, failures change by {grown.value:+.1f} "
            f"({_span(grown, '+.1f')})."
        )
    state = "failures grow" if alarm else state
    numbers = tuple(one for one in (*found.values(), grown) if one is not None)
    return RunFinding(name, title, state, verdict, alarm, numbers)


def clipping(seen: RunEvidence) -> RunFinding:
    """The mean share of clipped tokens; alarm above a tenth."""
    name, title = "clipping", "How much is clipped?"
    metric = seen.digest.metrics.get("clip")
    if metric is None:
        return _cannot_tell(name, title, "no share of clipped tokens is logged beside the responses")
    mean = float(metric.values.mean())
    state = "much" if mean > 0.1 else "little"
    verdict = f"On average {mean:.1%} is clipped ({metric.column}), at most {metric.values.max():.1%} in a step."
    numbers = (
        Estimated(metric.column, mean, "share"),
        Estimated(f"{metric.column}, most", float(metric.values.max()), "share"),
    )
    return RunFinding(name, title, state, verdict, mean > 0.1, numbers)


def divergence(seen: RunEvidence) -> RunFinding:
    """The logged KL at the beginning and at the end."""
    name, title = "kl", "How far has the policy moved?"
    metric = seen.digest.metrics.get("kl")
    if metric is None:
        return _cannot_tell(name, title, "no KL is logged beside the responses")
    size = max(1, len(metric.values) // 10)
    ends = float(metric.values[:size].mean()), float(metric.values[-size:].mean())
    verdict = f"The logged KL ({metric.column}) goes from {ends[0]:.3g} to {ends[1]:.3g}."
    named = (f"{metric.column}, {which} tenth" for which in ("first", "last"))
    numbers = tuple(Estimated(name, value, "nats") for name, value in zip(named, ends, strict=True))
    return RunFinding(
        name, title, "known", verdict, numbers=numbers, lacks="against which policy it is, and how estimated"
    )


# --- prompts ---


def dead_prompts(seen: RunEvidence) -> RunFinding:
    """Prompts that are always wrong or always right, and the responses that they cost; alarm above a fifth of these."""
    name, title = "dead prompts", "Which prompts are dead?"
    if not seen.digest.prompts_known:
        return _cannot_tell(name, title, "the log has no prompts, so a prompt cannot be followed over the run")
    prompt, size = seen.digest.group_prompts, seen.digest.group_size
    groups = tally(prompt)
    n = seen.right.sum(axis=1)
    right = tally(prompt, n.astype(float))
    trials = groups * size
    sure = highest_rate(trials) < DEAD_BELOW
    kinds = {"wrong": (right == 0) & sure, "right": (right == trials) & sure}
    unsure = int((((right == 0) | (right == trials)) & ~sure).sum())
    shares, numbers = {}, []
    for kind, chosen in kinds.items():
        shares[kind] = seen.share(f"responses to prompts always {kind}", chosen[prompt].astype(float))
        numbers += [Estimated(f"prompts always {kind}", int(chosen.sum()), "prompts"), shares[kind]]
    numbers.append(Estimated("prompts without a mixed group, seen too rarely to tell", unsure, "prompts"))
    if not sure.any():
        least = math.ceil(math.log(0.05) / math.log(1 - DEAD_BELOW) / size)
        lacks = (
            f"no prompt was drawn {least} times, and of fewer responses none can tell a rate of {DEAD_BELOW:.0%} from 0"
        )
        return RunFinding(name, title, "cannot tell", f"Cannot tell: {lacks}.", numbers=tuple(numbers), lacks=lacks)
    dead = shares["wrong"].value + shares["right"].value
    verdict = (
        f"Of {len(groups):,} prompts {int(kinds['wrong'].sum()):,} are always wrong and {int(kinds['right'].sum()):,} "
        f"always right (with 95 %, by less than {DEAD_BELOW:.0%} otherwise); {dead:.0%} of the responses went to them."
    )
    alarm = dead > 0.2
    both = np.flatnonzero(kinds["wrong"] | kinds["right"])
    worst = both[np.argsort(-groups[both], kind="stable")][:_NAMED]
    texts = tuple(seen.digest.prompt_texts[i] for i in worst if i < len(seen.digest.prompt_texts))
    state = "many" if alarm else "some" if len(both) else "none"
    lacks = f"{unsure:,} prompts were seen too rarely to call them dead" if unsure else ""
    return RunFinding(name, title, state, verdict, alarm, tuple(numbers), lacks, texts)


def lost_prompts(seen: RunEvidence) -> RunFinding:
    """Prompts that succeeded in the first half of their groups and never in the second: what a collapse leaves behind.

    With s successes, all among the first n₁ of n₁ + n₂ responses, the chance of that is C(n₁, s) / C(n₁ + n₂, s) if the
    rate did not change; below 1 % the prompt is lost.
    """
    name, title = "lost prompts", "Which prompts have been lost?"
    prompt = seen.digest.group_prompts
    groups = tally(prompt)
    if not seen.digest.prompts_known or not (groups >= 4).any():
        return _cannot_tell(name, title, "no prompt was drawn four times, or the log has no prompts")
    order = np.argsort(prompt, kind="stable")
    place = np.empty(len(prompt), dtype=np.int64)
    place[order] = np.arange(len(prompt)) - (np.cumsum(groups) - groups)[prompt[order]]
    late = place >= (groups // 2)[prompt]
    n = seen.right.sum(axis=1).astype(float)
    early_s, late_s = tally(prompt, n * ~late), tally(prompt, n * late)
    size = seen.digest.group_size
    first, whole = groups // 2 * size, groups * size
    followed = groups >= 4
    lost = np.zeros(len(groups), dtype=bool)
    for i in np.flatnonzero(followed & (late_s == 0) & (early_s > 0)):
        s, n1, n0 = int(early_s[i]), int(first[i]), int(whole[i])
        chance = math.lgamma(n1 + 1) - math.lgamma(n1 - s + 1) - math.lgamma(n0 + 1) + math.lgamma(n0 - s + 1)
        lost[i] = chance < math.log(0.01)
    one_each = place == 0
    share = seen.share(
        "prompts lost", (lost[prompt] & one_each).astype(float), (followed[prompt] & one_each).astype(float)
    )
    alarm = share.low > 0.02
    verdict = (
        f"{int(lost.sum()):,} of {int(followed.sum()):,} prompts succeeded in the first half of their groups and never "
        f"in the second, which at an unchanged rate has a chance below 1 % ({share.value:.0%}, {_span(share, '.0%')})."
    )
    texts = tuple(
        seen.digest.prompt_texts[i] for i in np.flatnonzero(lost)[:_NAMED] if i < len(seen.digest.prompt_texts)
    )
    numbers = (Estimated("prompts lost", int(lost.sum()), "prompts"), share)
    return RunFinding(name, title, "many" if alarm else "few", verdict, alarm, numbers, prompts=texts)


def dynamic_sampling(seen: RunEvidence) -> RunFinding:
    """The groups that dynamic sampling would have kept, and the generations that each would have cost."""
    kept = seen.share("groups with different rewards", seen.mixed.astype(float))
    cost = f", {1 / kept.value:.2f} generated for each kept one" if kept.value else ""
    verdict = f"Dynamic sampling would have kept {kept.value:.0%} of the groups ({_span(kept, '.0%')}){cost}."
    lacks = "how prompts that would have been drawn instead would have fared: they are taken to be like these"
    return RunFinding(
        "dynamic sampling", "What would dynamic sampling keep?", "known", verdict, numbers=(kept,), lacks=lacks
    )


def another_g(seen: RunEvidence) -> RunFinding:
    """The share of groups with equal rewards at smaller and larger G.

    Smaller G' is exact: a random part of a group with runs of m equal rewards is of one kind with chance
    Σ C(m, G')/C(G, G'), an unbiased estimate. For G' = 2G a log of G does not tell; with α = E[pᴳ] and β = E[(1-p)ᴳ],
    Jensen's inequality gives α² + β² <= E[p²ᴳ + (1-p)²ᴳ] <= α + β (rewards of two kinds).
    """
    size = seen.digest.group_size
    ordered = np.sort(seen.rewards, axis=1)
    numbers = []
    for smaller in sorted({size // 4, size // 2, size} - {0, 1}):
        weights = np.array([math.comb(m, smaller) / math.comb(size, smaller) for m in range(size + 1)])
        equal = _over_runs(ordered, lambda m, w=weights: w[m])  # type: ignore[misc]
        numbers.append(seen.share(f"groups of equal rewards at G = {smaller}", equal))
    said = "; ".join(
        f"{number.value:.0%} at {number.name.rsplit(' ', 1)[1]} ({_span(number, '.0%')})" for number in numbers
    )
    verdict = f"Groups of equal rewards by G: {said}."
    if seen.digest.binary:
        ends = np.stack([(seen.right.all(axis=1)), (~seen.right).all(axis=1)], axis=1).astype(float)
        alpha, beta = ends.mean(axis=0)
        numbers.append(Estimated(f"groups of equal rewards at G = {2 * size}, at least", alpha**2 + beta**2, "share"))
        numbers.append(Estimated(f"groups of equal rewards at G = {2 * size}, at most", alpha + beta, "share"))
        verdict += f" At {2 * size} it would lie between {alpha**2 + beta**2:.0%} and {alpha + beta:.0%}."
    lacks = "how the run would have gone on with another G: these are the same policies with other groups"
    return RunFinding(
        "another G", "What would another G silence?", "known", verdict, numbers=tuple(numbers), lacks=lacks
    )


def another_k(seen: RunEvidence) -> RunFinding:
    """The share of responses without advantage under QAE at several K, with the rewards that were logged."""
    silent = [_by_group(seen, AdvantageRule("qae", {"k": k}), lambda a: (a == 0).mean(axis=1)) for k in COMPARED_K]
    numbers = tuple(
        seen.share(f"responses without advantage at K = {k:g}", share)
        for k, share in zip(COMPARED_K, silent, strict=True)
    )
    said = ", ".join(
        f"{n.value:.0%} at K = {k:g} ({_span(n, '.0%')})" for k, n in zip(COMPARED_K, numbers, strict=True)
    )
    lacks = "how the run would have gone on with another K: the longer it had, the less these shares hold"
    title = "What would QAE have silenced?"
    return RunFinding(
        "another K", title, "known", f"QAE would have given no advantage to {said}.", numbers=numbers, lacks=lacks
    )


def _by_group(seen: RunEvidence, rule: AdvantageRule, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Compute something of a rule's advantages for each group, ``(B, ...)``; equal groups once."""
    kinds, which = seen.kinds
    parts = [of(np.asarray(rule.advantages(kinds[i : i + _AT_ONCE]))) for i in range(0, len(kinds), _AT_ONCE)]
    return np.asarray(np.concatenate(parts)[which])


def gradient(seen: RunEvidence) -> RunFinding:
    """The share of all |A| that estimators give to groups in which at most half of the responses succeed."""
    hard = seen.right.mean(axis=1) <= 0.5
    numbers = []
    for rule in compared(seen.digest.binary):
        mass = _by_group(seen, rule, lambda a: np.abs(a).sum(axis=1))
        if mass.any():
            numbers.append(seen.share(f"|A| for groups with at most half successes, {rule.name}", mass * hard, mass))
    if not numbers:
        return RunFinding("gradient", "Who gets the gradient?", "nobody", "No response has an advantage.", True)
    ends = min(numbers, key=lambda n: n.value), max(numbers, key=lambda n: n.value)
    low, high = (n.name.rsplit(", ", 1)[1] for n in ends)
    verdict = (
        f"Hard groups, with at most half successes, get from {ends[0].value:.0%} of all |A| "
        f"({low}, {_span(ends[0], '.0%')}) to {ends[1].value:.0%} ({high}, {_span(ends[1], '.0%')})."
    )
    lacks = "the gradients themselves: |A| counts every response alike, whatever its tokens do"
    return RunFinding("gradient", "Who gets the gradient?", "known", verdict, numbers=tuple(numbers), lacks=lacks)


def length_pressure(seen: RunEvidence) -> RunFinding:
    """What two baselines teach about length, with each response's loss divided by its length or not.

    Along the natural gradient of a softmax over whole responses, E[L] changes by Cov(w·A, L), here within groups,
    in tokens for a unit step. With w = 1 a baseline common to the group cancels; with w = mean length / length
    it does not.
    """
    name, title = "length pressure", "What does the baseline teach about length?"
    length = seen.digest.lengths
    if length is None or np.isnan(length).any() or (length <= 0).any():
        return _cannot_tell(name, title, "the log does not have the length of every response")
    away = length - length.mean(axis=1, keepdims=True)
    numbers = []
    for estimator in ("grpo", "qae"):
        parts = [
            np.asarray(AdvantageRule(estimator).advantages(seen.rewards[i : i + _AT_ONCE]))
            for i in range(0, len(length), _AT_ONCE)
        ]
        a = np.concatenate(parts)
        for by, weight in (("each its length", length.mean() / length), ("a constant", np.ones_like(length))):
            pressure = (weight * a * away).sum(axis=1) / (seen.digest.group_size - 1)
            numbers.append(
                seen.share(f"pressure on length, {estimator}, divided by {by}", pressure, unit="tokens per unit step")
            )
    said = "; ".join(
        f"{n.value:+.2f} ({_span(n, '+.2f')}) for {n.name.removeprefix('pressure on length, ')}" for n in numbers
    )
    lacks = "whether the network follows the natural gradient: the sign is what to read"
    return RunFinding(
        name,
        title,
        "known",
        f"Pressure on length, in tokens for a unit step: {said}.",
        numbers=tuple(numbers),
        lacks=lacks,
    )


# --- the trainer and the verifier ---


def trainer(seen: RunEvidence) -> RunFinding:
    """The baseline and the divisor that the trainer really used, from the advantages that it logged.

    In a group A = (r - b)/s, so the slope of A over r is 1/s and b = mean(r) - mean(A)·s.
    """
    name, title = "trainer", "What did the trainer do with rewards?"
    found = seen.digest.advantages
    known = np.zeros(len(seen.rewards), dtype=bool) if found is None else np.isfinite(found).all(axis=1)
    if found is None or not (known & seen.mixed).any():
        return _cannot_tell(name, title, "the log has no advantages for groups of different rewards")
    r, a = seen.rewards[known & seen.mixed], found[known & seen.mixed]
    away, lift = r - r.mean(axis=1, keepdims=True), a - a.mean(axis=1, keepdims=True)
    slope = (away * lift).sum(axis=1) / (away**2).sum(axis=1)
    residual = np.abs(lift - slope[:, None] * away).max(axis=1)
    wrong = residual > 2e-3 * np.abs(a).max(axis=1) + 1e-5
    share = Estimated("groups whose advantages do not follow from their rewards", float(wrong.mean()), "share")
    if wrong.mean() > 0.01:
        verdict = (
            f"In {wrong.mean():.0%} of the groups equal rewards got different advantages: they were not computed in "
            "these groups."
        )
        lacks = "whether rewards were shaped, or groups shuffled, before the advantages"
        return RunFinding(name, title, "other groups", verdict, True, (share,), lacks)
    slope, r, a = slope[~wrong & (slope > 0)], r[~wrong & (slope > 0)], a[~wrong & (slope > 0)]
    if len(slope) < 0.99 * len(wrong):
        return RunFinding(name, title, "reversed", "Larger rewards got smaller or equal advantages.", True, (share,))
    step = np.unique(seen.digest.group_steps[known & seen.mixed][~wrong], return_inverse=True)[1].reshape(-1)
    baseline = _baseline(r, r.mean(axis=1) - a.mean(axis=1) / slope)
    divisor = _divisor(r, slope, step)
    verdict = (
        f"From each reward the trainer subtracted {baseline or 'something unknown'} and divided by "
        f"{divisor or 'something unknown'}."
    )
    odd = not baseline or not divisor
    lacks = "what the trainer meant to do; advantages clipped or whitened later are not logged" if odd else ""
    return RunFinding(name, title, "unknown rule" if odd else "known", verdict, odd, (share,), lacks)


def _baseline(r: np.ndarray, baseline: np.ndarray) -> str:
    """Name what was subtracted; empty if nothing known fits 95 % of the groups."""
    close = 0.01 * np.ptp(r, axis=1)

    def fits(value: np.ndarray | float) -> bool:
        return bool((np.abs(baseline - value) <= close).mean() >= 0.95)

    if fits(r.mean(axis=1)):
        return "the mean of its group"
    if fits(0.0):
        return "nothing"
    ordered, size = np.sort(r, axis=1), r.shape[1]
    ks = [k / 20 for k in range(1, 20) if fits(ordered[:, max(math.ceil(k / 20 * size - 1e-9), 1) - 1])]
    if ks:
        return (
            f"the {ks[0]:g}-quantile of its group"
            if len(ks) == 1
            else f"a quantile of its group, K from {ks[0]:g} to {ks[-1]:g}"
        )
    return "one number" if fits(float(np.median(baseline))) else ""


def _divisor(r: np.ndarray, slope: np.ndarray, step: np.ndarray) -> str:
    """Name by what was divided; empty if nothing known fits 95 % of the groups."""
    size = r.shape[1]
    units = {
        "the standard deviation of its group (over G - 1)": r.std(axis=1, ddof=1),
        "the standard deviation of its group (over G)": r.std(axis=1),
        "nothing": np.ones(len(r)),
        "(G - 1)/G, which leaves each response out of its own mean": np.full(len(r), (size - 1) / size),
        "the mean of its group": r.mean(axis=1),
        "one number": np.full(len(r), 1 / np.median(slope)),
        "one number a step": (tally(step) / tally(step, slope))[step],
    }
    return next((name for name, unit in units.items() if (np.abs(slope * unit - 1) <= 0.01).mean() >= 0.95), "")


def verifier(seen: RunEvidence) -> RunFinding:
    """Signs that the verifier errs: one text of a response to one prompt, with different rewards.

    A text that occurs n times with s successes gives 2 s (n - s)/(n (n - 1)), an unbiased estimate of 2 ε (1 - ε),
    where ε is the chance of the rarer reward. A verifier that errs in the same way each time cannot be seen so.
    """
    name, title = "verifier", "Does the verifier err, or is it gamed?"
    answers = seen.digest.answers
    numbers: list[Estimated] = []
    said, state, alarm = [], "no sign", False
    if answers is not None and seen.digest.prompts_known:
        prompt = np.repeat(seen.digest.group_prompts, seen.digest.group_size)
        with np.errstate(over="ignore"):
            key = answers.reshape(-1) + prompt * np.int64(0x1E3779B97F4A7C15)
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        times = tally(which.reshape(-1))
        won = tally(which.reshape(-1), seen.right.reshape(-1).astype(float))
        several = times > 1
        if several.any():
            n, s = times[several], won[several]
            value, low, high = shares_of_sums(2 * s * (n - s) / (n - 1), n, prompt[first[several]], seed=seen.seed)
            rate = [_error_rate(float(x[0])) for x in (value, low, high)]
            numbers.append(
                _number("chance of the rarer reward for one text", rate[0], "share", rate[1], rate[2], _BY_PROMPTS)
            )
            said.append(
                f"The same text gets the other reward with a chance of {rate[0]:.1%} ({_span(numbers[0], '.1%')})."
            )
            if rate[1] > 0.01:
                state, alarm = "errs", True
    change = seen.change(
        "reward, last fifth less first", seen.rewards.mean(axis=1), np.ones(len(seen.rewards)), "reward"
    )
    for column, values in seen.digest.checks.items():
        known = np.isfinite(values)
        sums = np.nan_to_num(values).sum(axis=1), known.sum(axis=1).astype(float)
        other = seen.change(f"{column}, last fifth less first", *sums, "reward")
        if change is not None and other is not None:
            numbers.append(other)
            if change.low > 0 and other.high < 0:
                state, alarm = "gamed", True
                said.append(f"The reward rises while {column} falls.")
    if not numbers:
        lacks = "no text of a response occurs twice, and no other score is logged beside the reward"
        return _cannot_tell(name, title, lacks)
    lacks = "errors that are the same each time" + (
        "" if seen.digest.checks else "; a held-out score beside the reward"
    )
    return RunFinding(
        name, title, state, " ".join(said) or "No other score contradicts the reward.", alarm, tuple(numbers), lacks
    )


def _error_rate(contradictions: float) -> float:
    """Solve 2 ε (1 - ε) = d for the smaller ε; 1/2 where d is larger than any ε allows."""
    if not math.isfinite(contradictions):
        return math.nan
    return (1 - math.sqrt(max(1 - 2 * contradictions, 0.0))) / 2


#: Everything that is looked for, in the order in which it is said.
FINDINGS: tuple[Callable[[RunEvidence], RunFinding], ...] = (
    *(learning, entropy, repetition, lengths, clipping, divergence, dead_prompts, lost_prompts, dynamic_sampling),
    *(another_g, another_k, gradient, length_pressure, trainer, verifier),
)
