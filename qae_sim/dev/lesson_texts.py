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


# --- the trial, in lesson 12 ------------------------------------------------------------------------------------------


def study_seeds(project: Project) -> str:
    """Write from how many seeds the runs before the trial were made."""
    from qae_sim.lm.studies import SEEDS

    return str(SEEDS["small"])


def trial_seeds(project: Project) -> str:
    """Write from how many seeds each recipe was trained."""
    from qae_sim.explorers.trial import decided

    (seeds,) = {found.seeds for setting in ("addition", "learned", "lengths") for found in decided(setting)}
    return str(seeds)


def trial_margins(project: Project) -> str:
    """Write the margins of the measures that the trial's questions ask about."""
    from qae_sim.lm.protocols import read

    pass_1, entropy, length = (
        f"{read('main').rules['margins'][name]:g}".lstrip("0") for name in ("pass_1", "entropy", "length")
    )
    return f"{pass_1} for pass@1, {entropy} nats for entropy and {length} tokens for length"


def trial_level(project: Project) -> str:
    """Write how often the trial's intervals hold the truth."""
    from qae_sim.lm.protocols import read

    return f"{100 * (1 - read('main').level):.0f} of 100"


def trial_predictions(project: Project) -> str:
    """Write the trial's questions as a table, each with what was predicted."""
    from qae_sim.lm.protocols.findings import QUESTIONS

    # A bar would end a cell of the table.
    predicted = {question.title: question.predicted.replace("1/|o|", "one over its length") for question in QUESTIONS}
    rows = [f"| {title} | {text} |" for title, text in predicted.items()]
    return "\n".join(["| question | predicted |", "| --- | --- |", *rows])


def trial_decisions(project: Project) -> str:
    """Write what the trial decided as a table, a row for each question."""
    from qae_sim.explorers.trial import decided
    from qae_sim.lm.protocols.findings import PARTS, QUESTIONS, answers, said

    rows = []
    for question in QUESTIONS:
        found = answers(question, decided(question.setting))
        cells = ("<br>".join(f"{arm}: {said(of_arm[part])}" for arm, of_arm in found.items()) for part in PARTS)
        rows.append(f"| {question.title} | {' | '.join(cells)} |")
    return "\n".join([f"| question | {' | '.join(PARTS.values())} |", "| --- | --- | --- |", *rows])


def trial_countdown(project: Project) -> str:
    """Write what the later trial decided on countdown."""
    from qae_sim.lm.protocols import judge, read, recorded
    from qae_sim.lm.protocols.findings import PARTS, TASK_QUESTIONS, answers, said

    protocol = read("tasks")
    found = answers(TASK_QUESTIONS[0], judge(protocol, recorded("tasks")))
    arms = (f"{arm} {', '.join(f'{PARTS[part]} {said(c)}' for part, c in of.items())}" for arm, of in found.items())
    return "; ".join(arms)
