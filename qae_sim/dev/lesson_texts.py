"""Numbers in the prose of the core lessons, each computed by what the lesson shows beside it."""

from __future__ import annotations

import numpy as np

from qae_sim.dev.project import Project


def ten_under_trainers(project: Project) -> str:
    """Write what one of ten gives where σ divides by G - 1."""
    from qae_sim.advantages import grpo, qae

    rewards = [1.0] + [0.0] * 9
    winner, loser = grpo(rewards, eps=0.0, ddof=1)[:2]
    alone = qae(rewards, k=0.4, eps=0.0, ddof=1)[0]
    return f"+{winner:.2f} and −{-loser:.2f} under the mean, and +{alone:.2f}"


def silent_by_spread(project: Project) -> str:
    """Write the share of silent responses for two spreads of success rates, as the explorer computes it."""
    from qae_sim.explorers.quantile_gate import KS, sparsity_model

    shares = {a: 100 * float(sparsity_model(16, a).total[KS == 0.4][0]) for a in (1.0, 0.6)}
    return f"{shares[1.0]:.1f} % of the responses are silent at a = 1, and {shares[0.6]:.1f} % at a = 0.6"


def speed_of_qae(project: Project) -> str:
    """Write within which factors QAE's speed lies of GRPO's, over success rates in thousandths."""
    from qae_sim.advantages import expected_advantages

    p = np.arange(1, 1000) / 1000
    said = []
    for size in (10, 16):
        of_qae = expected_advantages("qae", p, size, k=0.4, eps=0.0).c
        ratio = of_qae / expected_advantages("grpo", p, size, eps=0.0).c
        said.append(f"between {ratio.min():.2f} and {ratio.max():.2f} times")
    return f"{said[0]} GRPO's in groups of 10, and {said[1]} in groups of 16"


def turn_of_qae_and_grpo(project: Project) -> str:
    """Write by how much exact averages are turned with rewards 1, ½, 0, in the picture of lesson 3."""
    from qae_sim.page.tables import turn

    return f"{turn('qae', k=0.4, eps=0.0):.1f}°; under GRPO it is {turn('grpo', eps=0.0):.1f}°"


def gap(project: Project, *, chips: int) -> str:
    """Write by how much QAE's average is turned from GRPO's where some chips, by bits, are switched on."""
    from qae_sim.page.tables import gaps

    return f"{gaps()[chips]['turn']:.1f}°"


def peaks_under_adam(project: Project) -> str:
    """Write how high the entropy rises under Adam in lesson 4's explorer."""
    from qae_sim.explorers.collapse_explosion import CollapseState, run

    state = CollapseState(optimizer="adam", eta=0.05, steps=150)
    entropy = {name: run(state, name, ("entropy", "success"))["entropy"].mean(axis=1) for name in ("mean", "QAE")}
    start, (mean, quantile) = entropy["mean"][0], (found.max() for found in entropy.values())
    return f"from {start:.2f} to {mean:.2f} under the mean and to {quantile:.2f} under the quantile"
