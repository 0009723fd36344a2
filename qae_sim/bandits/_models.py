"""Parameters, logits, rewards and records of policies: bandits with own or shared parameters, and sequences.

Axes: arms (or tokens) A, positions L of a sequence (1 for bandits), prompts Q or slots B of a batch (1 for
sequences), runs R; runs last.
"""

from __future__ import annotations

import numpy as np

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._kernels import Softmax, column_sum, entropy
from qae_sim.bandits._random import REWARDS, START, normal
from qae_sim.bandits.problems import Bandit, SequenceBandit
from qae_sim.bandits.study import Study
from qae_sim.softmax.binomial_law import chance_of_any
from qae_sim.streams import streams, uniform_at


class BanditModel:
    """A :class:`Bandit`: parameters ``(A, Q, R)``, or ``(D, R)`` when prompts share them."""

    def __init__(self, xp: Namespace, study: Study, runs: range) -> None:
        problem = study.problem
        assert isinstance(problem, Bandit)
        self._xp, self._problem = xp, problem
        self.success = xp.asarray(np.array(problem.success).T)  # (A, Q)
        self._weights = xp.asarray(np.array(problem.weights)[:, None])
        self._pass_at = study.pass_at
        features = problem.features
        # φ as (D, A, Q, 1), also in memory, so that results have this order in memory, too.
        by_parameter = None if features is None else np.array(features).transpose(2, 1, 0)[..., None]
        self._features = None if by_parameter is None else xp.asarray(np.ascontiguousarray(by_parameter))
        self._rewards = None if problem.deterministic else streams(xp, runs, study.seed, REWARDS)
        self.runs = runs
        self._seed = study.seed
        with np.errstate(divide="ignore"):
            self._log_success = xp.log(self.success)[..., None]

    def start(self) -> Array:
        """Parameters at the start."""
        xp, problem = self._xp, self._problem
        start = np.array(problem.start)
        # Random numbers are numbered as the problem's parameters are: prompt by prompt, arm by arm.
        theta = xp.zeros((start.size, len(self.runs))) + xp.asarray(start.reshape(-1, 1))
        if problem.spread > 0:
            theta = theta + problem.spread * normal(xp, self.runs, start.size, self._seed, START)
        if self._features is not None:
            return theta
        return xp.ascontiguousarray(theta.reshape((*start.shape, -1)).swapaxes(0, 1))

    def logits(self, theta: Array) -> Array:
        """Logits of all prompts, ``(A, 1, Q, R)``."""
        if self._features is None:
            return theta[:, None]
        logits = self._features[0] * theta[0]
        for phi, parameter in zip(self._features[1:], theta[1:], strict=True):
            logits = logits + phi * parameter
        return logits[:, None]

    def gradient(self, logits: Array) -> Array:
        """Gradient with respect to the parameters from that with respect to the logits, ``(A, 1, Q, R)``."""
        if self._features is None:
            return logits[:, 0]
        xp = self._xp
        flat = (-1, logits.shape[-1])
        return xp.stack([column_sum(xp, (phi * logits[:, 0]).reshape(flat)) for phi in self._features])

    def rewards(self, tokens: Array, which: Array, positions: Array) -> tuple[Array, Array]:
        """Rewards of sampled arms.

        Args:
            tokens: Arms, ``(G, 1, B, R)``.
            which: The prompt of each slot, ``(B, R)`` or ``(B, 1)``.
            positions: Position of each response in the runs' streams, ``(G, B, 1)``.

        Returns:
            Whether each response is correct, ``(G, B, R)``, and whether each token is part of it (always true).
        """
        chance = self.success[tokens[:, 0], which[None]]
        correct = chance > 0 if self._rewards is None else uniform_at(self._rewards, positions) < chance
        return correct, self._xp.ones(tokens.shape, dtype=bool)

    def policy(self, theta: Array) -> Softmax:
        """The policy of all prompts, ``(A, 1, Q, R)``."""
        return Softmax.of(self._xp, self.logits(theta))

    def entropy(self, policy: Softmax) -> Array:
        """Entropy of the policy, mean over prompts, ``(R,)``."""
        return self._mean(policy.entropy(self._xp)[0])

    def success_rates(self, policy: Softmax) -> Array:
        """Success probability of each prompt, ``(Q, R)``."""
        return column_sum(self._xp, policy.weight[:, 0] * self.success[..., None]) / policy.total[0]

    def states(self, policy: Softmax, wanted: frozenset[str]) -> dict[str, Array]:
        """Records of the policy, each ``(R,)``."""
        values = {}
        if "entropy" in wanted:
            values["entropy"] = self.entropy(policy)
        if wanted & {"success", "pass_at_k"}:
            p = self.success_rates(policy)
            values["success"] = self._mean(p)
            values["pass_at_k"] = self._mean(chance_of_any(p, self._pass_at))
        if "correct_entropy" in wanted:
            values["correct_entropy"] = self._mean(self._correct_entropy(policy))
        return values

    def _correct_entropy(self, policy: Softmax) -> Array:
        """Entropy among correct responses, ``(Q, R)``; nan for a prompt without any."""
        xp = self._xp
        log_weight = self._log_success - policy.gap[:, 0]
        possible = self._log_success > -np.inf
        highest = log_weight.max(axis=0)
        gap = xp.where(possible, xp.where(xp.isfinite(highest), highest, 0.0) - log_weight, 0.0)
        weight = xp.where(possible, xp.exp(-gap), 0.0)
        weighted_gap, total = column_sum(xp, weight * gap), column_sum(xp, weight.copy())
        some = total > 0
        total = xp.where(some, total, 1.0)
        return xp.where(some, xp.log(total) + weighted_gap / total, np.nan)

    def _mean(self, per_prompt: Array) -> Array:
        """Weighted mean over prompts, ``(Q, R)`` to ``(R,)``."""
        return column_sum(self._xp, per_prompt * self._weights)

    def final(self, theta: Array) -> Array:
        """Parameters with the axes of the problem's ``start``, runs last."""
        return theta if self._features is not None else theta.swapaxes(0, 1)


class SequenceModel:
    """A :class:`SequenceBandit`: parameters ``(V, L, R)``."""

    def __init__(self, xp: Namespace, study: Study, runs: range) -> None:
        problem = study.problem
        assert isinstance(problem, SequenceBandit)
        self._xp, self._problem = xp, problem
        self._pass_at = study.pass_at
        self._seed = study.seed
        self.runs = runs
        self.correct = xp.asarray(np.array(problem.correct))  # (N, L)
        said = np.ones(np.array(problem.correct).shape, dtype=bool)
        if problem.end is not None:
            said[:, 1:] = np.cumsum(np.array(problem.correct) == problem.end, axis=1)[:, :-1] == 0
        self.said = xp.asarray(said)
        self._powers = xp.asarray(problem.vocabulary ** np.arange(problem.length))
        self._is_correct = xp.zeros(problem.vocabulary**problem.length, dtype=bool)
        self._is_correct[(self.correct * self._powers).sum(axis=1)] = True

    def start(self) -> Array:
        """Parameters at the start."""
        xp, problem = self._xp, self._problem
        start = np.array(problem.start)
        theta = xp.zeros((start.size, len(self.runs))) + xp.asarray(start.reshape(-1, 1))
        if problem.spread > 0:
            theta = theta + problem.spread * normal(xp, self.runs, start.size, self._seed, START)
        return xp.ascontiguousarray(theta.reshape((*start.shape, -1)).swapaxes(0, 1))

    def logits(self, theta: Array) -> Array:
        """Logits, ``(V, L, 1, R)``."""
        return theta[:, :, None]

    def gradient(self, logits: Array) -> Array:
        """Gradient with respect to the parameters from that with respect to the logits, ``(V, L, 1, R)``."""
        return logits[:, :, 0]

    def rewards(self, tokens: Array, which: Array, positions: Array) -> tuple[Array, Array]:
        """Rewards of sampled sequences.

        Args:
            tokens: Tokens, ``(G, L, 1, R)``.
            which: Not needed: there is one prompt.
            positions: Not needed: the verifier is deterministic.

        Returns:
            Whether each response is correct, ``(G, 1, R)``, and whether each token is part of it, ``(G, L, 1, R)``.
        """
        xp, end = self._xp, self._problem.end
        said = xp.ones(tokens.shape, dtype=bool)
        if end is not None:
            for position in range(1, self._problem.length):
                said[:, position] = said[:, position - 1] & (tokens[:, position - 1] != end)
            tokens = xp.where(said, tokens, end)
        code = (tokens * self._powers[:, None, None]).sum(axis=1)
        return self._is_correct[code], said

    def reached(self, log_pi: Array) -> list[Array]:
        """Probability that a response reaches each position, L arrays ``(R,)``."""
        xp, end = self._xp, self._problem.end
        reached = [xp.ones(log_pi.shape[-1])]
        for position in range(1, self._problem.length):
            goes_on = 1.0 if end is None else -xp.expm1(log_pi[end, position - 1])
            reached.append(reached[-1] * goes_on)
        return reached

    def log_correct(self, log_pi: Array) -> Array:
        """Logarithm of π of each correct sequence, ``(N, R)``, from ``(V, L, R)``."""
        total = self._xp.zeros((len(self.correct), log_pi.shape[-1]))
        for position in range(self._problem.length):
            step = log_pi[self.correct[:, position], position]
            total += self._xp.where(self.said[:, position, None], step, 0.0)
        return total

    def policy(self, theta: Array) -> Softmax:
        """The policy, ``(V, L, 1, R)``."""
        return Softmax.of(self._xp, self.logits(theta))

    def entropy(self, policy: Softmax) -> Array:
        """Entropy of whole sequences, ``(R,)``."""
        per_position = policy.entropy(self._xp)[:, 0]
        reached = self.reached(policy.log_pi(self._xp)[:, :, 0])
        return sum((r * h for r, h in zip(reached[1:], per_position[1:], strict=True)), reached[0] * per_position[0])

    def success_rates(self, policy: Softmax) -> Array:
        """Success probability, ``(1, R)``."""
        log_pi = policy.log_pi(self._xp)[:, :, 0]
        return column_sum(self._xp, self._xp.exp(self.log_correct(log_pi)))[None]

    def states(self, policy: Softmax, wanted: frozenset[str]) -> dict[str, Array]:
        """Records of the policy, each ``(R,)``."""
        xp = self._xp
        log_pi = policy.log_pi(xp)[:, :, 0]
        values = {}
        if "entropy" in wanted:
            values["entropy"] = self.entropy(policy)
        if wanted & {"success", "pass_at_k", "correct_entropy"}:
            log_correct = self.log_correct(log_pi)
            p = column_sum(xp, xp.exp(log_correct))
            values["success"] = p
            values["pass_at_k"] = chance_of_any(p, self._pass_at)
            values["correct_entropy"] = entropy(xp, log_correct)
        if "length" in wanted:
            reached = self.reached(log_pi)
            values["length"] = sum(reached[1:], reached[0])
        return values

    def success_gradient(self, policy: Softmax) -> Array:
        """Gradient of the success probability with respect to the logits, ``(V, L, R)``.

        ∂p/∂z_t(v) = Σ_{y correct, position t reached} π(y)·(1{y_t = v} - π_t(v))
        """
        xp = self._xp
        pi, log_pi = policy.pi()[:, :, 0], policy.log_pi(xp)[:, :, 0]
        pi_correct = xp.exp(self.log_correct(log_pi))
        gradient = xp.zeros(pi.shape)
        for position in range(pi.shape[1]):
            reaching = xp.where(self.said[:, position, None], pi_correct, 0.0)
            for token in range(pi.shape[0]):
                chosen = self.correct[:, position, None] == token
                gradient[token, position] = column_sum(xp, xp.where(chosen, reaching, 0.0))
            gradient[:, position] -= pi[:, position] * column_sum(xp, reaching)
        return gradient

    def final(self, theta: Array) -> Array:
        """Parameters with the axes of the problem's ``start``, runs last."""
        return theta.swapaxes(0, 1)


def model_of(xp: Namespace, study: Study, runs: range) -> BanditModel | SequenceModel:
    """The model of a study's problem."""
    kind = BanditModel if isinstance(study.problem, Bandit) else SequenceModel
    return kind(xp, study, runs)
