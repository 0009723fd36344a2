"""Gradients and clipped steps against PyTorch's autograd and optimisers, in float64.

The reference writes the loss down as the docstring of ``Study`` has it, token by token, and lets autograd do the rest.
It is given the batches that the simulator samples from the reference's own parameters, so one wrong step would make
every later batch differ, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from bandit_studies import BERNOULLI, ENDING, FEATURES, MIXTURE, ONE_QUERY, SEQUENCES, WEIGHTED, study_of

from qae_sim.advantages import ESTIMATORS, AdvantageRule, FixedAnchor, HardAnchor, SoftAnchor, ha_dw_weights
from qae_sim.bandits import SGD, Adam, Bandit, Clip, Momentum, SequenceBandit, Study, simulate
from qae_sim.bandits._models import model_of
from qae_sim.bandits._sampled import SampledBatch, Sampler, simulate_general


def advantages_of(study: Study, batch: SampledBatch, belief: float | None) -> np.ndarray:
    """Advantages of the single run's batch, ``(B, G, L)``, by the estimators themselves."""
    rewards = batch.correct[..., 0].T.astype(float)  # (B, G)
    tokens, said = (x[..., 0].transpose(2, 0, 1) for x in (batch.tokens, batch.said))
    name = "grpo" if study.rule.name == "ha_dw" else study.rule.name
    function = ESTIMATORS[name].function
    if name == "ktae":
        advantages = function(rewards, tokens, said, **study.rule.parameters).advantages
    else:
        advantages = np.repeat(function(rewards, **study.rule.parameters)[..., None], tokens.shape[-1], axis=2)
    if belief is not None:
        for position in range(advantages.shape[-1]):
            here = advantages[..., position]
            phi = ha_dw_weights(rewards, here, belief, lambda_scale=study.rule.lambda_scale).Phi
            advantages[..., position] = phi * here
    return np.asarray(advantages)


def loss_of(
    study: Study, z: torch.Tensor, old: torch.Tensor, batch: SampledBatch, advantages: np.ndarray, part: int
) -> Any:
    """Loss of one minibatch, and how many ratios were stopped below and above, and how many there are.

    Args:
        study: The study.
        z: Logits of the batch's groups, ``(B, L, A)``.
        old: Those before the batch, same shape.
        batch: The batch.
        advantages: ``(B, G, L)``.
        part: Number of the minibatch.
    """
    log_pi, log_old = torch.log_softmax(z, -1), torch.log_softmax(old, -1)
    if study.update == "paper":
        log_pi = z - torch.log(torch.exp(z).sum(-1, keepdim=True)).detach()  # no gradient through the normaliser
    slots, size, length = advantages.shape
    responses = [(b, g) for b in range(slots) for g in range(size)]
    per = len(responses) // study.minibatches
    chosen = responses[part * per : (part + 1) * per]
    tokens_in_all = sum(int(batch.said[g, :, b, 0].sum()) for b, g in chosen)
    loss, low, high = torch.zeros((), dtype=torch.float64), 0, 0
    for b, g in chosen:
        said = batch.said[g, :, b, 0]
        weight = {"sequence": 1 / (per * int(said.sum())), "token": 1 / tokens_in_all, "constant": 1 / (per * length)}
        for t in range(length):
            if not said[t]:
                continue
            token, a = int(batch.tokens[g, t, b, 0]), float(advantages[b, g, t])
            ratio = torch.exp(log_pi[b, t, token] - log_old[b, t, token].detach())
            objective = ratio * a
            if study.clip is not None:
                clipped = torch.clamp(ratio, 1 - study.clip.low, 1 + study.clip.high) * a
                low += int(a < 0 and ratio.item() < 1 - study.clip.low)
                high += int(a > 0 and ratio.item() > 1 + study.clip.high)
                objective = torch.minimum(objective, clipped)
            loss = loss - weight[study.loss] * objective
    return loss, low, high, tokens_in_all


def reference(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Parameters after the last step, and clip shares per batch ``(T, 2)``, of run 0."""
    model = model_of(np, study, range(1))
    sampler = Sampler(np, study, model, range(1))
    theta = torch.tensor(model.start()[..., 0], dtype=torch.float64, requires_grad=True)
    rule = study.optimizer
    optimizer: torch.optim.Optimizer
    if isinstance(rule, Adam):
        optimizer = torch.optim.Adam([theta], lr=study.eta, betas=(rule.beta1, rule.beta2), eps=rule.eps)
    else:
        optimizer = torch.optim.SGD([theta], lr=study.eta, momentum=getattr(rule, "beta", 0.0))

    def logits(which: np.ndarray) -> torch.Tensor:
        if isinstance(study.problem, SequenceBandit):
            return theta.T[None]  # (1, L, V)
        if study.problem.features is not None:
            return (torch.tensor(study.problem.features, dtype=torch.float64)[which] @ theta)[:, None]
        return theta.T[which][:, None]

    anchor: Any = study.rule.anchor
    shares = []
    for step in range(study.steps):
        batch = sampler.batch(model.policy(theta.detach().numpy()[..., None]), step)
        which = np.broadcast_to(batch.which, batch.attempts.shape)[:, 0].copy()
        advantages = advantages_of(study, batch, None if anchor is None else anchor.belief)
        old = logits(which).detach().clone()
        low = high = 0.0
        for _ in range(study.epochs):
            for part in range(study.minibatches):
                optimizer.zero_grad()
                loss, below, above, count = loss_of(study, logits(which), old, batch, advantages, part)
                loss.backward()
                optimizer.step()
                low, high = low + below / count, high + above / count
        inner = study.epochs * study.minibatches
        shares.append((low / inner, high / inner))
        if anchor is not None:
            anchor = anchor.update(batch.correct[..., 0].T.astype(float))
    return theta.detach().numpy(), np.array(shares)


CASES: dict[str, dict[str, Any]] = {
    "one query": {"problem": ONE_QUERY},
    "one query, paper": {"problem": ONE_QUERY, "estimator": "qae", "update": "paper"},
    "one query, Adam": {"problem": ONE_QUERY, "estimator": "qae", "optimizer": Adam(eps=1e-6), "eta": 0.1},
    "one query, momentum": {"problem": ONE_QUERY, "optimizer": Momentum(0.7)},
    "one query, many steps": {"problem": ONE_QUERY, "epochs": 4, "minibatches": 3, "eta": 2.0},
    "one query, clip": {"problem": ONE_QUERY, "epochs": 4, "minibatches": 2, "clip": Clip(0.2, 0.2), "eta": 2.0},
    "one query, Clip-Higher": {"problem": ONE_QUERY, "epochs": 4, "clip": Clip(0.2, 0.28), "eta": 2.0},
    "one query, clip, paper": {"problem": ONE_QUERY, "epochs": 3, "clip": Clip(), "eta": 2.0, "update": "paper"},
    "bernoulli": {"problem": BERNOULLI, "epochs": 2},
    "mixture": {"problem": MIXTURE, "estimator": "qae", "minibatches": 2},
    "mixture, batch": {"problem": MIXTURE, "estimator": "reinforce_plus_plus"},
    "mixture, batch and baseline": {"problem": MIXTURE, "estimator": "reinforce_plus_plus_baseline", "epochs": 2},
    "mixture, soft anchor": {"problem": MIXTURE, "anchor": SoftAnchor(), "lambda_scale": 0.8},
    "mixture, hard anchor": {"problem": MIXTURE, "estimator": "ha_dw", "anchor": HardAnchor(2)},
    "mixture, dynamic sampling": {"problem": MIXTURE, "attempts": 3},
    "drawn queries": {"problem": WEIGHTED, "queries": 4, "epochs": 2, "clip": Clip(0.1, 0.1), "eta": 3.0},
    "features": {"problem": FEATURES, "epochs": 2, "minibatches": 2, "optimizer": Adam(), "eta": 0.1},
    "features, drawn": {"problem": FEATURES, "queries": 3, "estimator": "qae"},
    "sequences": {"problem": SEQUENCES},
    "sequences, KTAE": {"problem": SEQUENCES, "estimator": "ktae", "epochs": 3, "clip": Clip(), "eta": 5.0},
    "sequences, KTAE and anchor": {"problem": SEQUENCES, "estimator": "ktae", "anchor": FixedAnchor(0.4)},
    "ending, sequence loss": {"problem": ENDING, "epochs": 2},
    "ending, token loss": {
        "problem": ENDING,
        "loss": "token",
        "epochs": 2,
        "minibatches": 3,
        "clip": Clip(),
        "eta": 8.0,
    },
    "ending, constant loss": {"problem": ENDING, "loss": "constant", "estimator": "ktae"},
}


@pytest.mark.parametrize("name", CASES)
def test_parameters_follow_autograd(name: str) -> None:
    study = study_of(
        **({"group_size": 6, "steps": 8, "runs": 1, "eta": 1.0, "seed": 3, "algorithm": "dense"} | CASES[name])
    )
    if study.clip is not None:
        study = study.with_(records=("clip_low", "clip_high"))
    theta, shares = reference(study)
    records, ours = simulate_general(np, study, range(1))
    ours = ours[..., 0] if ours.ndim == 2 else ours[..., 0].T  # (Q, A) to (A, Q)
    assert ours == pytest.approx(theta, abs=1e-11)
    assert not np.allclose(theta, model_of(np, study, range(1)).start()[..., 0])  # something was learned
    if study.clip is not None:
        assert records["clip_low"][:, 0] == pytest.approx(shares[:, 0], abs=1e-12)
        assert records["clip_high"][:, 0] == pytest.approx(shares[:, 1], abs=1e-12)
        assert shares.max(axis=0).min() > 0  # both sides were really met


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()])
@pytest.mark.parametrize(
    "problem", [ONE_QUERY, MIXTURE, FEATURES, ENDING], ids=["one", "mixture", "features", "ending"]
)
def test_the_two_signs_share_the_whole_entropy_change(problem: Any, optimizer: Any) -> None:
    names = ("entropy", "entropy_change_positive", "entropy_change_negative")
    study = Study(
        problem, "grpo", group_size=6, steps=15, runs=3, eta=0.1 if optimizer == Adam() else 1.0, optimizer=optimizer,
        epochs=2, clip=Clip(), records=names,
    )  # fmt: skip
    result = simulate(study)
    change = result["entropy_change_positive"] + result["entropy_change_negative"]
    assert np.diff(result["entropy"], axis=0) == pytest.approx(change[:-1], abs=1e-12)
    assert np.abs(result["entropy_change_positive"]).max() > 1e-3
    assert np.abs(result["entropy_change_negative"]).max() > 1e-3


def test_signs_are_told_apart() -> None:
    """QAE on hard prompts moves by positive advantages alone, whatever the optimiser remembers."""
    bandit = Bandit(success=[1, 0, 0, 0], start=[-1.0, 1.0, 1.0, 0.0])
    for optimizer in (SGD(), Momentum(), Adam()):
        study = Study(
            bandit, AdvantageRule("qae", {"k": 0.01}), group_size=6, steps=15, runs=3, eta=0.05, optimizer=optimizer,
            records=("entropy_change_positive", "entropy_change_negative"), algorithm="dense",
        )  # fmt: skip
        result = simulate(study)
        assert np.abs(result["entropy_change_negative"]).max() < 1e-15
        assert np.abs(result["entropy_change_positive"]).max() > 1e-4
