"""Studies that tests draw."""

from __future__ import annotations

from bandit_studies import BERNOULLI, ONE_QUERY, STATE, STEP
from hypothesis import strategies as st

from qae_sim.advantages import AdvantageRule
from qae_sim.bandits import SGD, Bandit, Study


@st.composite
def single_studies(draw: st.DrawFn) -> Study:
    """Studies of one query with its own logits and one plain step per group."""
    estimator, parameters = draw(
        st.sampled_from(
            [
                ("grpo", {}),
                ("grpo", {"eps": 0.1, "ddof": 1}),
                ("qae", {"k": 0.3}),
                ("qae", {"k": 0.7, "quantile": "linear"}),
                ("rloo", {}),
                ("dr_grpo", {}),
                ("pos_mask", {"k": 0.5}),
                ("neg_mask", {"k": 0.5}),
            ]
        )
    )
    return Study(
        draw(st.sampled_from([ONE_QUERY, BERNOULLI, Bandit.uniform(7, 0), Bandit.uniform(3, 3), Bandit([1.0])])),
        AdvantageRule(estimator, parameters),
        group_size=draw(st.integers(2, 9)),
        steps=draw(st.integers(1, 80)),
        runs=draw(st.integers(1, 7)),
        eta=draw(st.sampled_from([0.01, 0.5, 3.0, 60.0])),
        update=draw(st.sampled_from(["policy_gradient", "paper"])),
        optimizer=SGD(),
        records=(*STATE, *STEP),
        every=1,
        pass_at=draw(st.integers(1, 5)),
        algorithm=draw(st.sampled_from(["auto", "dense", "events"])),
        seed=draw(st.integers(0, 2**70)),
    )
