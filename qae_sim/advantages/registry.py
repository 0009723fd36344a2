"""The table of all estimators: what there is, where it comes from, which parameters it has.

Command line, notebooks and trainers read this table, so an estimator that is in it appears in all of them.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from qae_sim.advantages import (
    automatic,
    group,
    hidden_state_rank,
    losses,
    reward_only,
    side_information,
    tokens,
    trees,
    turns,
    weights,
)
from qae_sim.arrays import invalid

Level: TypeAlias = Literal["response", "batch", "token", "turn", "tree", "loss"]

#: What estimators may need beside rewards, by the name of the argument.
DATA: Mapping[str, str] = MappingProxyType(
    {
        "token_ids": "token ids",
        "mask": "places of the responses' own tokens",
        "anchor": "anchors of difficulty",
        "lengths": "lengths of responses",
        "metric": "numbers to sort responses by",
        "reference": "rewards of a reference model's responses",
        "prompt_values": "values of prompts",
        "further": "further rewards",
        "marks": "verdicts on the facts of sentences",
        "tree": "responses that begin alike",
        "dynamics": "hidden states",
        "baselines": "hidden states of earlier batches",
        "log_ratios": "log-ratios of the policy that is being trained",
    }
)


@dataclass(frozen=True)
class Estimator:
    """One line of the table.

    Attributes:
        name: The name to ask for it by, that of its function.
        function: The function itself.
        paper: Authors and short title.
        arxiv: Identifier on arXiv.
        equation: Equation or section in the paper; "equation not seen" where it is not known.
        level: What the advantage depends on and belongs to: ``"response"`` (the response's own group),
            ``"batch"`` (the whole batch of groups), ``"token"`` (single tokens), ``"turn"`` (turns of a conversation),
            ``"tree"`` (steps that responses share); ``"loss"`` is one that takes the place of advantages.
        summary: What it does, in one line.
        binary: Whether it is defined for rewards of 0 and 1 alone.
        needs: What it takes beside rewards, names of :data:`DATA`.
    """

    name: str
    function: Callable[..., Any]
    paper: str
    arxiv: str
    equation: str
    level: Level
    summary: str
    binary: bool = False
    needs: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Names and defaults of the parameters after the rewards; ``inspect.Parameter.empty`` marks required ones."""
        data = {"rewards", "values", "token_ids", "mask"}
        signature = inspect.signature(self.function)
        return {name: p.default for name, p in signature.parameters.items() if name not in data}

    def advantages(self, rewards: Any, **others: Any) -> Any:
        """Call the function, however it names its rewards and packs its advantages.

        Args:
            rewards: Rewards, as the function takes them.
            **others: What it needs beside them, and its parameters.

        Returns:
            Advantages.

        Example:
            >>> get("quantile_whitening").advantages([[1.0, 0.0]], k=0.5, eps=0)
            array([[2., 0.]])
        """
        name = "values" if "values" in inspect.signature(self.function).parameters else "rewards"
        result = self.function(**{name: rewards}, **others)
        return getattr(result, "advantages", result)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the parameters that are chosen for a run; the others come with each batch."""
        others = {"advantages", "lambda_scale", *DATA}
        return {name: default for name, default in self.parameters.items() if name not in others}


_QAE = ("Wu et al., Quantile Advantage Estimation", "2509.22611")
_REINFORCE = ("Hu et al., REINFORCE++", "2501.03262")

_ENTRIES = (
    Estimator(
        "grpo",
        group.grpo,
        "Shao et al., DeepSeekMath",
        "2402.03300",
        "Eq. 2 of arXiv:2509.22611",
        "response",
        "z-score within the group",
    ),
    Estimator(
        "dr_grpo",
        group.dr_grpo,
        "Liu et al., Understanding R1-Zero-like training",
        "2503.20783",
        "equation not seen",
        "response",
        "reward minus the group's mean, no standard deviation",
    ),
    Estimator(
        "rloo",
        group.rloo,
        "Ahmadian et al., Back to basics",
        "2402.14740",
        "equation not seen",
        "response",
        "reward minus the mean of the others",
    ),
    Estimator(
        "reinforce_plus_plus",
        group.reinforce_plus_plus,
        *_REINFORCE,
        "equation not seen",
        "batch",
        "z-score within the whole batch",
    ),
    Estimator(
        "reinforce_plus_plus_baseline",
        group.reinforce_plus_plus_baseline,
        *_REINFORCE,
        "equation not seen",
        "batch",
        "reward minus the group's mean, over the batch's standard deviation",
    ),
    Estimator(
        "qae",
        group.qae,
        *_QAE,
        "Eqs. 3-4",
        "response",
        "reward minus the group's K-quantile, over its standard deviation",
    ),
    Estimator(
        "pos_mask",
        group.pos_mask,
        *_QAE,
        "Eq. 7",
        "response",
        "QAE's gate on correct responses only (binary rewards)",
        binary=True,
    ),
    Estimator(
        "neg_mask",
        group.neg_mask,
        *_QAE,
        "Eq. 8",
        "response",
        "QAE's gate on wrong responses only (binary rewards)",
        binary=True,
    ),
    Estimator(
        "quantile_whitening",
        automatic.quantile_whitening,
        *_QAE,
        "Sec. 6 (future work)",
        "batch",
        "value minus the batch's K-quantile, over the batch's standard deviation",
    ),
    Estimator(
        "ha_dw",
        weights.ha_dw,
        "Yang et al., Your group-relative advantage is biased",
        "2601.08521",
        "Eqs. 13-17",
        "response",
        "GRPO weighted by difficulty against an anchor of the model's capability",
        needs=("anchor",),
    ),
    Estimator(
        "ktae",
        tokens.ktae,
        "Sun et al., KTAE",
        "2505.16826",
        "equation not seen",
        "token",
        "GRPO plus what each token says about success",
        needs=("token_ids", "mask"),
    ),
    Estimator(
        "mapo",
        reward_only.mapo,
        "MAPO",
        "2509.18849",
        "equation not seen",
        "response",
        "GRPO on middling prompts, deviation over the mean on others (binary rewards)",
        binary=True,
    ),
    Estimator(
        "maxrl",
        reward_only.maxrl,
        "Tajwar et al., Maximum likelihood reinforcement learning",
        "2602.02710",
        "equation not seen",
        "response",
        "reward minus the group's mean, over that mean (binary rewards)",
        binary=True,
    ),
    Estimator(
        "grpo_n",
        reward_only.grpo_n,
        "The debate on RLVR reasoning capability boundary",
        "2510.04028",
        "equation not seen",
        "response",
        "GRPO's negative advantages alone",
    ),
    Estimator(
        "grpo_passk",
        reward_only.grpo_passk,
        "verl's grpo_passk",
        "2503.19595",
        "equation not seen",
        "response",
        "only the best response, by what it is ahead of the second best",
    ),
    Estimator(
        "capo",
        reward_only.capo,
        "Yang et al., From imitation to discrimination",
        "2512.02580",
        "equation not seen",
        "response",
        "GRPO's positive advantages alone at first, all of them later",
    ),
    Estimator(
        "gpg",
        reward_only.gpg,
        "Chu et al., GPG",
        "2504.02546",
        "equation not seen",
        "batch",
        "reward minus the group's mean, over the share of responses with a signal",
    ),
    Estimator(
        "opo",
        side_information.opo,
        "Hao et al., On-policy RL with optimal reward baseline",
        "2505.23585",
        "equation not seen",
        "response",
        "reward minus the group's mean weighted by length",
        needs=("lengths",),
    ),
    Estimator(
        "canon",
        side_information.canon,
        "CANON, conditional advantage estimation",
        "2509.23962",
        "equation not seen",
        "response",
        "compares the halves of a group that are high and low in some metric",
        needs=("metric",),
    ),
    Estimator(
        "aapo",
        side_information.aapo,
        "Xiong et al., AAPO",
        "2505.14264",
        "equation not seen",
        "response",
        "GRPO plus the margin over a response of the reference model",
        needs=("reference",),
    ),
    Estimator(
        "rlev",
        side_information.rlev,
        "Yu et al., RLEV",
        "2510.20187",
        "equation not seen",
        "response",
        "RLOO on rewards scaled by what the prompt is worth",
        needs=("prompt_values",),
    ),
    Estimator(
        "gdpo",
        side_information.gdpo,
        "GDPO",
        "2601.05242",
        "equation not seen",
        "batch",
        "adds z-scores of several rewards, over the batch's standard deviation",
        needs=("further",),
    ),
    Estimator(
        "fspo",
        turns.fspo,
        "FSPO",
        "2505.24630",
        "equation not seen",
        "token",
        "GRPO, its sign turned where a sentence's facts say otherwise",
        needs=("marks",),
    ),
    Estimator(
        "match_tir",
        turns.match_tir,
        "MatchTIR",
        "2601.10712",
        "equation not seen",
        "turn",
        "z-scores of turns that called tools, and of their trajectories",
    ),
    Estimator(
        "attn_rl",
        trees.attn_rl,
        "AttnRL",
        "2509.26628",
        "equation not seen",
        "tree",
        "success below a step, minus that of the prompt and of the step before",
        needs=("tree",),
    ),
    Estimator(
        "tree_opo",
        trees.tree_opo,
        "Huang et al., Tree-OPO",
        "2509.09284",
        "equation not seen",
        "tree",
        "centred rewards of prefixes, projected on the order of their tree",
        binary=True,
        needs=("tree",),
    ),
    Estimator(
        "verl_rank",
        hidden_state_rank.verl_rank,
        "VERL, beyond the exploration-exploitation trade-off",
        "2509.23808",
        "equation not seen",
        "response",
        "GRPO plus a bonus for hidden states whose effective rank grows",
        needs=("dynamics", "baselines"),
    ),
    Estimator(
        "reg_grpo",
        losses.reg_grpo,
        "DeepVideo-R1, Reg-GRPO",
        "2506.07464",
        "equation not seen",
        "loss",
        "regression of the policy's log-ratios on GRPO's advantages",
        needs=("log_ratios",),
    ),
)

#: All estimators by name, in the order in which they are taught.
ESTIMATORS: Mapping[str, Estimator] = MappingProxyType({entry.name: entry for entry in _ENTRIES})

#: What estimates advantages, in the list of neighbours or in trainers, and is not in the table; what keeps it out.
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "What's behind PPO's collapse in long-CoT? (VC-PPO)": "needs a critic that is trained beside the policy",
        "Stabilizing RLHF through advantage model": "a learned model of human preferences, not a formula of rewards",
        "Advantage weighted matching": "for diffusion models, which have no tokens",
        "Two-stage view (arXiv:2510.04028), its theorem": "formulas not found; GRPO-N is there",
        "verl's ReMax": "needs a greedy response to each prompt; AAPO's reference is the nearest thing here",
        "verl's optimal token baseline": "needs Σ π² of the policy at every token, which no sampler here keeps",
        "GPG's threshold β_th": "draws more prompts: it is dynamic sampling, not an advantage",
        "AttnRL's choice of branches": "belongs to sampling: it asks for attention scores",
    }
)


def get(name: str) -> Estimator:
    """Look up an estimator.

    Args:
        name: Its name, as ``qae-sim estimators`` prints it.

    Returns:
        Its line of the table.

    Raises:
        TypeError: ``name`` is no string.
        ValueError: There is no such estimator; the message names those there are, or the one probably meant.

    Example:
        >>> get("qae").equation
        'Eqs. 3-4'
    """
    if not isinstance(name, str):
        raise invalid("name", name, "a string", TypeError)
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    close = difflib.get_close_matches(name, ESTIMATORS, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise invalid("name", name, "one of " + ", ".join(map(repr, ESTIMATORS)) + hint)
