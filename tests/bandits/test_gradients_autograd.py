"""Whole studies against PyTorch, many runs at once and with the settings in any combination.

``test_gradients.py`` follows one run of chosen studies, token by token. Here Hypothesis combines the settings, several
runs share the simulator's arrays, while the reference still knows a single one, and the shares of the entropy change
are followed, too. The reference states PPO's objective for a minibatch and leaves its gradient to autograd (the paper's
update has none, and is written down) and its steps to ``torch.optim``. Batches are sampled from the reference's
parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from bandit_studies import BERNOULLI, ENDING, FEATURES, MIXTURE, ONE_QUERY, SEQUENCES, WEIGHTED, study_of
from hypothesis import given, settings
from hypothesis import strategies as st

from qae_sim.advantages import (
    ESTIMATORS,
    FixedAnchor,
    HardAnchor,
    KalmanAnchor,
    LinearK,
    PhaseSwitch,
    SoftAnchor,
    ha_dw_weights,
)
from qae_sim.bandits import SGD, Adam, Bandit, Clip, Momentum, SequenceBandit, Study
from qae_sim.bandits._models import model_of
from qae_sim.bandits._sampled import SampledBatch, Sampler, simulate_general
from qae_sim.streams import uniform_at

CHANGES = ("entropy_change_positive", "entropy_change_negative")
CLIPPED = ("clip_low", "clip_high")
MIXED_BERNOULLI = Bandit(success=[[0.5, 1, 0], [0.1, 0, 0.7]], weights=[1, 2], spread=1.0)


class Steps:
    """An optimiser of PyTorch, asked for the steps that it would take along given gradients."""

    def __init__(self, study: Study, like: torch.Tensor) -> None:
        self._moved = torch.zeros_like(like, requires_grad=True)
        rule = study.optimizer
        if isinstance(rule, Adam):
            self._rule: torch.optim.Optimizer = torch.optim.Adam(
                [self._moved], lr=study.eta, betas=(rule.beta1, rule.beta2), eps=rule.eps, maximize=True
            )
        else:
            momentum = rule.beta if isinstance(rule, Momentum) else 0.0
            self._rule = torch.optim.SGD([self._moved], lr=study.eta, momentum=momentum, maximize=True)

    def along(self, gradient: torch.Tensor) -> torch.Tensor:
        """The next step."""
        with torch.no_grad():
            self._moved.zero_()
        self._moved.grad = gradient.clone()
        self._rule.step()
        return self._moved.detach().clone()


@dataclass
class Trace:
    """What a run did.

    Attributes:
        theta: Parameters at the end, with the axes of the problem's ``start``.
        clipped: Shares of ratios stopped below and above, ``(T, 2)``.
        changes: Entropy changes shared by the signs, ``(T, 2)``.
        entropy: Entropy before each step and at the end, ``(T + 1,)``.
    """

    theta: np.ndarray
    clipped: np.ndarray
    changes: np.ndarray
    entropy: np.ndarray


def all_logits(problem: Any, theta: torch.Tensor) -> torch.Tensor:
    """Logits of all queries, ``(Q, L, A)``."""
    if isinstance(problem, SequenceBandit):
        return theta[None]
    if problem.features is not None:
        return torch.einsum("qad,d->qa", torch.tensor(problem.features, dtype=torch.float64), theta)[:, None]
    return theta[:, None]


def entropy_of(problem: Any, theta: torch.Tensor) -> float:
    """Entropy of responses, mean over queries by weight."""
    log_pi = torch.log_softmax(all_logits(problem, theta), -1)
    each = -(log_pi.exp() * log_pi).sum(-1)  # (Q, L)
    if isinstance(problem, Bandit):
        return float(torch.tensor(problem.weights, dtype=torch.float64) @ each[:, 0])
    goes_on = (
        torch.ones(problem.length, dtype=torch.float64) if problem.end is None else 1 - log_pi[0, :, problem.end].exp()
    )
    reached = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(goes_on[:-1], 0)])
    return float(reached @ each[0])


def advantages_of(study: Study, step: int, tokens: Any, said: Any, rewards: Any, belief: float | None) -> np.ndarray:
    """Advantages of a batch by the estimators themselves, ``(B, G, L)``."""
    name = "grpo" if study.rule.name == "ha_dw" else study.rule.name
    parameters = {key: value for key, value in study.rule.parameters_at(step).items() if key != "metric"}
    if ESTIMATORS[name].of_tokens:
        a = ESTIMATORS[name].function(rewards, tokens, said, **parameters).advantages
    else:
        lengths = {need: said.sum(axis=-1) for need in ESTIMATORS[name].inputs}  # CANON sorts by them
        a = ESTIMATORS[name].function(rewards, **lengths, **parameters)[..., None].repeat(tokens.shape[-1], axis=-1)
    if belief is None:
        return np.asarray(a)
    phi = [ha_dw_weights(rewards, x, belief, lambda_scale=study.rule.lambda_scale).Phi for x in np.moveaxis(a, -1, 0)]
    return np.asarray(a * np.stack(phi, axis=-1))


def token_weights(study: Study, said: torch.Tensor, part: int) -> torch.Tensor:
    """Weight of each token in the mean over a minibatch, ``(B, G, L)``; responses count group by group."""
    responses = said.reshape(-1, said.shape[-1]).double()
    per = len(responses) // study.minibatches
    here = torch.zeros_like(responses)
    here[part * per : (part + 1) * per] = responses[part * per : (part + 1) * per]
    if study.loss == "sequence":
        here = here / responses.sum(-1, keepdim=True) / per
    elif study.loss == "token":
        here = here / here.sum()
    else:
        here = here / said.shape[-1] / per
    return here.reshape(said.shape)


def gradients(
    study: Study, theta: torch.Tensor, old: torch.Tensor, which: Any, tokens: Any, said: Any, a: Any, part: int
) -> tuple[list[torch.Tensor], torch.Tensor, list[float]]:
    """Gradient of a minibatch's objective, by all, by positive and by negative advantages, and more.

    Returns:
        The three gradients, log π of all tokens of the batch ``(B, G, L)``, and the shares that are clipped.
    """
    theta = theta.clone().requires_grad_()
    z = all_logits(study.problem, theta)[which]  # (B, L, A)
    per_token = torch.log_softmax(z, -1)[:, None].expand(-1, tokens.shape[1], -1, -1)
    log_pi = per_token.gather(-1, tokens[..., None])[..., 0]
    ratio = torch.exp(log_pi - (log_pi.detach() if old is None else old))
    low, high = (0.0, torch.inf) if study.clip is None else (1 - study.clip.low, 1 + study.clip.high)
    weight = token_weights(study, said, part)
    below, above = (a < 0) & (ratio < low), (a > 0) & (ratio > high)
    found = []
    for side in (torch.ones_like(a), (a > 0).double(), (a < 0).double()):
        if study.update == "paper":
            # What is sampled goes up by its force, and nothing goes down for the sum over arms.
            force = (weight * side * a * ratio.detach()).masked_fill(below | above, 0.0)
            direct = torch.zeros_like(z)
            for b, g, t in np.ndindex(*a.shape):
                direct[b, t, tokens[b, g, t]] += force[b, g, t]
            (gradient,) = torch.autograd.grad(z, theta, direct, retain_graph=True)
        else:
            surrogate = torch.minimum(ratio * a, ratio.clamp(low, high) * a)
            (gradient,) = torch.autograd.grad((weight * side * surrogate).sum(), theta, retain_graph=True)
        found.append(gradient)
    counted = weight > 0
    shares = [int((x & counted).sum()) / int(counted.sum()) for x in (below, above)]
    return found, log_pi.detach(), shares


def followed(study: Study, run: int) -> Trace:
    """Simulate one run by PyTorch."""
    model = model_of(np, study, range(run, run + 1))
    sampler = Sampler(np, study, model, range(run, run + 1))
    own_axes = getattr(study.problem, "features", None) is None
    start = model.start()[..., 0]
    theta = torch.tensor(start.T.copy() if own_axes else start)
    optimizers = [Steps(study, theta) for _ in range(3)]
    anchor: Any = study.rule.anchor
    entropy, clipped, changes = [], [], []
    for step in range(study.steps):
        entropy.append(entropy_of(study.problem, theta))
        now = theta.numpy().T.copy() if own_axes else theta.numpy()
        batch: SampledBatch = sampler.batch(model.policy(now[..., None]), step)
        which = np.broadcast_to(batch.which, batch.attempts.shape)[:, 0].copy()
        tokens, said = (np.ascontiguousarray(x[..., 0].transpose(2, 0, 1)) for x in (batch.tokens, batch.said))
        rewards = np.ascontiguousarray(batch.correct[..., 0].T).astype(float)
        belief = None if anchor is None else anchor.belief
        a = torch.tensor(advantages_of(study, step, tokens, said, rewards, belief))
        old: Any = None
        stopped, shared = np.zeros(2), np.zeros(2)
        for inner in range(study.epochs * study.minibatches):
            found, log_pi, shares = gradients(
                study, theta, old, which, torch.tensor(tokens), torch.tensor(said), a, inner % study.minibatches
            )
            old = log_pi if old is None else old
            both, one, other = (rule.along(g) for rule, g in zip(optimizers, found, strict=True))
            h = [entropy_of(study.problem, x) for x in (theta, theta + both, theta + one, theta + other)]
            shared += ((h[2] - h[0]) + (h[1] - h[3])) / 2, ((h[3] - h[0]) + (h[1] - h[2])) / 2
            stopped += shares
            theta = theta + both
        clipped.append(stopped / (study.epochs * study.minibatches))
        changes.append(shared)
        if anchor is not None:
            anchor = anchor.update(rewards)
    entropy.append(entropy_of(study.problem, theta))
    return Trace(theta.numpy(), np.array(clipped), np.array(changes), np.array(entropy))


def assert_followed(study: Study) -> tuple[Trace, ...]:
    """Compare all runs with the reference."""
    records, theta = simulate_general(np, study, range(study.runs))
    traces = tuple(followed(study, run) for run in range(study.runs))
    for run, trace in enumerate(traces):
        assert theta[..., run] == pytest.approx(trace.theta, abs=1e-10)
        for side, name in enumerate(CHANGES):
            assert records[name][:, run] == pytest.approx(trace.changes[:, side], abs=1e-10), name
        change = records[CHANGES[0]][:, run] + records[CHANGES[1]][:, run]
        assert change == pytest.approx(np.diff(trace.entropy), abs=1e-10)
        if study.clip is not None:
            for side, name in enumerate(CLIPPED):
                assert records[name][:, run] == pytest.approx(trace.clipped[:, side], abs=1e-12), name
    return traces


def a_study(**fields: Any) -> Study:
    records = CHANGES if fields.get("clip") is None else (*CHANGES, *CLIPPED)
    return study_of(**({"group_size": 5, "steps": 5, "runs": 3, "eta": 1.0, "records": records} | fields))


# --- one case for each setting that the chosen studies of test_gradients.py leave out ---------------------------------

CASES: dict[str, dict[str, Any]] = {
    "kalman anchor": {"problem": MIXTURE, "anchor": KalmanAnchor(rho=0.3), "estimator": "qae"},
    "soft anchor, drawn queries": {"problem": WEIGHTED, "queries": 5, "anchor": SoftAnchor(0.2), "lambda_scale": 0.7},
    "anchor and tokens": {"problem": ENDING, "estimator": "ktae", "anchor": HardAnchor(2), "loss": "token"},
    "anchor and the whole batch": {"problem": MIXTURE, "estimator": "reinforce_plus_plus", "anchor": FixedAnchor(0.9)},
    "drawn queries and features": {"problem": FEATURES, "queries": 6, "optimizer": Momentum(0.5), "epochs": 2},
    "drawn queries, sampled again": {"problem": WEIGHTED, "queries": 4, "attempts": 3, "optimizer": Adam(), "eta": 0.1},
    "schedule": {"problem": MIXTURE, "estimator": "qae", "parameters": {"k": LinearK(0.2, 0.8, 5)}},
    "lengths": {"problem": ENDING, "estimator": "opo", "anchor": SoftAnchor(), "loss": "token"},
    "lengths as a metric": {"problem": ENDING, "estimator": "canon", "parameters": {"mu": 1.0, "metric": "length"}},
    "two phases": {"problem": MIXTURE, "estimator": "capo", "parameters": {"negatives": PhaseSwitch(2)}},
    "paper, sequences": {"problem": ENDING, "update": "paper", "epochs": 3, "clip": Clip(0.1, 0.2)},
    "paper, drawn features": {"problem": FEATURES, "queries": 3, "update": "paper", "epochs": 2, "optimizer": Adam()},
    "minibatches across groups": {"problem": MIXTURE, "group_size": 4, "minibatches": 6, "optimizer": Momentum(0.9)},
}


@pytest.mark.parametrize("name", CASES)
def test_runs_follow_autograd(name: str) -> None:
    study = a_study(**CASES[name])
    traces = assert_followed(study)
    assert len({trace.theta.tobytes() for trace in traces}) == study.runs
    assert max(np.abs(trace.changes).max() for trace in traces) > 1e-3  # something was learned


def test_drawn_queries_repeat_and_differ() -> None:
    """What the cases of drawn queries rely on."""
    study = a_study(**CASES["soft anchor, drawn queries"])
    model = model_of(np, study, range(3))
    which = Sampler(np, study, model, range(3)).batch(model.policy(model.start()), 0).which
    assert which.shape == (5, 3)
    assert all(set(column) == {0, 1} for column in which.T.tolist())


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(0.9), Adam(0.8, 0.95, 1e-3)], ids=repr)
@pytest.mark.parametrize("clip", [Clip(0.2, 0.2), Clip(0.1, 0.3)], ids=["symmetric", "higher"])
@pytest.mark.parametrize("problem", [ONE_QUERY, MIXTURE, ENDING], ids=["one", "mixture", "ending"])
def test_ratios_are_stopped_on_both_sides(problem: Any, clip: Clip, optimizer: Any) -> None:
    eta = 0.3 if isinstance(optimizer, Adam) else 2.0
    study = a_study(problem=problem, optimizer=optimizer, clip=clip, epochs=4, eta=eta, group_size=6, loss="token")
    traces = assert_followed(study)
    assert all(trace.clipped.max(axis=0).min() > 0.05 for trace in traces)
    assert any(0 < share < 1 for trace in traces for share in trace.clipped.ravel().tolist())


# --- any combination --------------------------------------------------------------------------------------------------

ESTIMATES: tuple[tuple[str, dict[str, float]], ...] = (
    ("grpo", {}),
    ("ha_dw", {}),
    ("qae", {"k": 0.3}),
    ("dr_grpo", {}),
    ("neg_mask", {}),
    ("ktae", {}),
    ("reinforce_plus_plus", {}),
    ("reinforce_plus_plus_baseline", {}),
    ("gpg", {}),
    ("capo", {"negatives": 0.3}),
    ("opo", {}),
    ("canon", {"mu": 0.8, "alpha": 0.9}),
)
ANCHORS = (None, FixedAnchor(0.3), SoftAnchor(), SoftAnchor(0.4, eta=2.0, recent=(0.9, 0.1)), HardAnchor(2),
           KalmanAnchor(rho=0.5))  # fmt: skip


@st.composite
def studies(draw: st.DrawFn) -> Study:
    problem = draw(
        st.sampled_from([ONE_QUERY, BERNOULLI, MIXTURE, WEIGHTED, FEATURES, MIXED_BERNOULLI, SEQUENCES, ENDING])
    )
    queries = draw(st.sampled_from([None, 1, 3])) if isinstance(problem, Bandit) else None
    slots = queries or (problem.queries if isinstance(problem, Bandit) else 1)
    size = draw(st.integers(2, 5))
    # Adam divides noise of rounding by ε where gradients vanish: with a large ε this stays rounding.
    optimizer = draw(st.sampled_from([SGD(), Momentum(0.7), Adam(0.8, 0.95, 1e-3)]))
    estimator, parameters = draw(st.sampled_from(ESTIMATES))
    return a_study(
        problem=problem,
        estimator=estimator,
        parameters=parameters,
        group_size=size,
        steps=draw(st.integers(1, 4)),
        runs=2,
        eta=draw(st.sampled_from([0.01, 0.2] if isinstance(optimizer, Adam) else [0.1, 2.0])),
        update=draw(st.sampled_from(["policy_gradient", "paper"])),
        optimizer=optimizer,
        clip=draw(st.sampled_from([None, Clip(0.1, 0.1), Clip(0.05, 0.28), Clip(1.0, 0.02)])),
        epochs=draw(st.integers(1, 3)),
        minibatches=draw(st.sampled_from([m for m in range(1, 5) if slots * size % m == 0])),
        queries=queries,
        attempts=draw(st.sampled_from([1, 1, 3])),
        anchor=draw(st.sampled_from(ANCHORS[1:] if estimator == "ha_dw" else ANCHORS)),
        lambda_scale=draw(st.sampled_from([0.5, 1.3])),
        loss=draw(st.sampled_from(["sequence", "token", "constant"])),
        seed=draw(st.integers(0, 2**70)),
    )


@given(studies())
@settings(max_examples=60)
def test_any_study_follows_autograd(study: Study) -> None:
    assert_followed(study)


def test_no_attempt_repeats_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch of every step has random numbers of its own: no number of a stream is asked for twice."""
    study = a_study(problem=MIXTURE, queries=2, attempts=3, eta=1e-9, steps=6, runs=1, group_size=2)
    asked: list[np.ndarray] = []

    def noted(states: Any, position: Any, *out: Any) -> Any:
        kind = 2**40 if np.ndim(position) == 2 else 0  # queries, or responses
        asked.append(np.ravel(position) + kind)
        return uniform_at(states, position, *out)

    monkeypatch.setattr("qae_sim.bandits._sampled.uniform_at", noted)
    simulate_general(np, study, range(1))
    places = np.concatenate(asked)
    assert len(asked) > 2 * study.steps  # some groups were sampled again
    assert len(np.unique(places)) == len(places)
