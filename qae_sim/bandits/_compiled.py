"""The fast simulator in machine code, see :mod:`qae_sim.bandits._machine_code`."""

from __future__ import annotations

import numpy as np

from qae_sim.arrays import Array, Namespace
from qae_sim.bandits._machine_code import NOWHERE, PADDING, simulate_runs
from qae_sim.bandits._one_prompt import Prompt
from qae_sim.bandits._random import EQUAL, RESPONSES, SUCCESSES, WAITING
from qae_sim.bandits._records import SUMMED, Recorder
from qae_sim.bandits.study import Study
from qae_sim.softmax.binomial_law import chance_of_any
from qae_sim.streams import streams

_POLICY = ("entropy", "success", "correct_entropy")
_GROUP = ("accuracy", "zero_share", "baseline", *SUMMED)


def simulate_compiled(xp: Namespace, study: Study, runs: range) -> tuple[dict[str, np.ndarray], Array]:
    """Simulate runs of a study for which ``study.dense_only`` is None.

    Args:
        xp: NumPy.
        study: The study.
        runs: The runs' numbers.

    Returns:
        Records ``(S, R)``, and logits after the last step ``(1, A, R)``, up to a common shift.
    """
    prompt = Prompt(xp, study)
    recorder = Recorder(xp, study, len(runs))
    arms = len(prompt.order)
    z = np.full((len(runs), -(-arms // PADDING) * PADDING), NOWHERE)
    z[:, :arms] = prompt.logits(runs).T
    z[:, arms:] += z[:, :arms].min(axis=1, keepdims=True)
    wanted = recorder.wanted
    policy = np.zeros((3, len(runs), recorder.rows if wanted & {*_POLICY, "pass_at_k"} else 0))
    groups = 5 if wanted & set(SUMMED) else 3 if wanted & set(_GROUP) else 0
    group = np.zeros((groups, len(runs), recorder.rows if groups else 0))
    tables = np.stack([prompt.correct, prompt.wrong, prompt.net, *(prompt.counts[name] for name in _GROUP[1:3])])
    simulate_runs(
        z,
        np.stack([streams(xp, runs, study.seed, p) for p in (RESPONSES, WAITING, SUCCESSES, EQUAL)], axis=1),
        prompt.arm,
        np.ascontiguousarray(prompt.share[:, 0]),
        np.ascontiguousarray(prompt.log_success[:, 0]) if "correct_entropy" in wanted else np.empty(0),
        prompt.correct_rows,
        tables,
        (
            study.steps,
            study.every,
            study.group_size,
            prompt.recentre,
            study.algorithm == "events",
            study.algorithm == "auto" and prompt.quiet,
            prompt.deterministic,
            prompt.centred,
            study.update == "policy_gradient",
        ),
        policy,
        group,
    )
    for names, values in ((_POLICY, policy), (_GROUP[: len(group)], group)):
        for name, record in zip(names, values, strict=True):
            if name in wanted and record.size:
                recorder.table(name)[...] = record.T
    if "pass_at_k" in wanted:
        recorder.table("pass_at_k")[...] = chance_of_any(policy[1].T, study.pass_at)
    if "correct_entropy" in wanted and not prompt.correct_rows:
        recorder.table("correct_entropy")[...] = np.nan
    for step in range(study.steps) if "attempts" in wanted else ():
        recorder.add("attempts", step, 1.0)
    final = np.empty((arms, len(runs)))
    final[prompt.order] = z[:, :arms].T
    return recorder.finish(), final[None]
