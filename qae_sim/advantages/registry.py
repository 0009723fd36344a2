"""The registry of estimators: their functions, papers, parameters and inputs.

The command line, the explorers, the bandits, the trainers and the reference read it, so a registered estimator
appears in all of them. To add one: one function, one row here, one test file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from qae_sim.advantages import (
    across_prompts,
    automatic,
    centre_and_scale,
    critics,
    group,
    hidden_state_rank,
    losses,
    reward_only,
    side_information,
    token_credit,
    tokens,
    trackers,
    trees,
    turns,
    weights,
)
from qae_sim.advantages.inputs import INPUTS
from qae_sim.arrays import invalid
from qae_sim.frozen import dataclass
from qae_sim.papers import PAPERS, Paper

Level: TypeAlias = Literal["response", "batch", "token", "turn", "tree", "loss"]


@dataclass(frozen=True)
class Estimator:
    """A row of the registry.

    Attributes:
        name: Its name, that of its function.
        function: The function; rewards are its first argument.
        title: Its name as papers write it.
        paper: Key of its paper in :data:`~qae_sim.papers.PAPERS`.
        equation: Equation or section in the paper; "equation not seen" where it is not known.
        level: What the advantage depends on and belongs to: ``"response"`` (the response's own group),
            ``"batch"`` (the whole batch of groups), ``"token"`` (single tokens), ``"turn"`` (turns of a conversation),
            ``"tree"`` (steps that responses share); ``"loss"`` is a loss that takes the place of advantages.
        summary: What it does, in one line.
        parameters: Its parameters and their defaults.
        inputs: What it needs besides rewards, names of :data:`~qae_sim.advantages.inputs.INPUTS`.
        binary: Whether it is defined for rewards of 0 and 1 alone.
        centred: Whether its baseline is the mean of the rewards compared, with or without the response's own.
        weights: Name of the estimator whose advantages it multiplies by HA-DW's Φ; empty for all others.
        grouped: Whether all groups must have the same size; not needed where all responses are pooled.
        ordered: Whether advantages depend on the order of the responses in their group.
    """

    name: str
    function: Callable[..., Any]
    title: str
    paper: str
    equation: str
    level: Level
    summary: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    binary: bool = False
    centred: bool = False
    weights: str = ""
    grouped: bool = True
    ordered: bool = False

    def __post_init__(self) -> None:
        if self.paper and self.paper not in PAPERS:
            raise invalid("paper", self.paper, "a key of qae_sim.papers.PAPERS")
        for name in self.inputs:
            if name not in INPUTS:
                raise invalid("inputs", name, "among " + ", ".join(INPUTS))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    # Levels are compared here and nowhere else; callers use these properties.

    @property
    def of_tokens(self) -> bool:
        """Whether it gives single tokens advantages of their own."""
        return self.level == "token"

    @property
    def of_batches(self) -> bool:
        """Whether it compares responses across the groups of a batch."""
        return self.level == "batch"

    @property
    def of_responses(self) -> bool:
        """Whether it gives each response one advantage."""
        return self.level in ("response", "batch")

    @property
    def of_turns(self) -> bool:
        """Whether it values turns of a conversation."""
        return self.level == "turn"

    @property
    def is_loss(self) -> bool:
        """Whether it takes the place of advantages."""
        return self.level == "loss"

    @property
    def tabulated(self) -> bool:
        """Whether the rewards of its own group, in any order, are all it looks at, so that 0/1 groups make a table."""
        return self.level == "response" and not self.inputs and not self.ordered

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters that are chosen for a whole run; the others come with each batch."""
        others = {"advantages", "lambda_scale", *INPUTS}
        return {name: default for name, default in self.parameters.items() if name not in others}

    @property
    def source(self) -> Paper | None:
        """Its paper; None for an estimator without one."""
        return PAPERS[self.paper] if self.paper else None

    def advantages(self, rewards: Any, **others: Any) -> Any:
        """Call the function and unpack its advantages.

        Args:
            rewards: Rewards ``(..., G)``, as the function takes them.
            **others: What it needs besides them, and its parameters.

        Returns:
            Advantages, ``(..., G)``, or ``(..., G, T)`` for estimators of tokens.

        Example:
            >>> get("quantile_whitening").advantages([[1.0, 0.0]], k=0.5, eps=0)
            array([[2., 0.]])
        """
        result = self.function(rewards, **others)
        return getattr(result, "advantages", result)


#: Parameters of estimators that divide by a standard deviation.
_STD: dict[str, Any] = {"eps": 1e-6, "ddof": 0}

_ROWS = (
    Estimator(
        "grpo",
        group.grpo,
        "GRPO",
        "grpo",
        "Eq. 2 of QAE's paper",
        "response",
        "z-score within the group",
        _STD,
        centred=True,
    ),
    Estimator(
        "dr_grpo",
        group.dr_grpo,
        "Dr. GRPO",
        "dr_grpo",
        "equation not seen",
        "response",
        "reward minus the group's mean, no standard deviation",
        centred=True,
    ),
    Estimator(
        "rloo",
        group.rloo,
        "RLOO",
        "rloo",
        "equation not seen",
        "response",
        "reward minus the mean of the others",
        centred=True,
    ),
    Estimator(
        "reinforce_plus_plus",
        group.reinforce_plus_plus,
        "REINFORCE++",
        "reinforce_plus_plus",
        "equation not seen",
        "batch",
        "z-score within the whole batch",
        {"lengths": None} | _STD,
        centred=True,
        grouped=False,
    ),
    Estimator(
        "reinforce_plus_plus_baseline",
        group.reinforce_plus_plus_baseline,
        "REINFORCE++ with group baseline",
        "reinforce_plus_plus",
        "equation not seen",
        "batch",
        "reward minus the group's mean, over the batch's standard deviation",
        {"lengths": None} | _STD,
        centred=True,
    ),
    Estimator(
        "qae",
        group.qae,
        "QAE",
        "qae",
        "Eqs. 3-4",
        "response",
        "reward minus the group's K-quantile, over its standard deviation",
        {"k": 0.4, "quantile": "inverted_cdf"} | _STD,
    ),
    Estimator(
        "pos_mask",
        group.pos_mask,
        "POS-MASK",
        "qae",
        "Eq. 7",
        "response",
        "QAE's gate on correct responses only (binary rewards)",
        {"k": 0.4} | _STD,
        binary=True,
    ),
    Estimator(
        "neg_mask",
        group.neg_mask,
        "NEG-MASK",
        "qae",
        "Eq. 8",
        "response",
        "QAE's gate on wrong responses only (binary rewards)",
        {"k": 0.4} | _STD,
        binary=True,
    ),
    Estimator(
        "quantile_whitening",
        automatic.quantile_whitening,
        "Quantile whitening",
        "qae",
        "Sec. 6 (future work)",
        "batch",
        "value minus the batch's K-quantile, over the batch's standard deviation",
        {"k": 0.4, "quantile": "inverted_cdf"} | _STD,
    ),
    Estimator(
        "ha_dw",
        weights.ha_dw,
        "HA-DW",
        "ha_dw",
        "Eqs. 13-17",
        "response",
        "GRPO weighted by difficulty against an anchor of the model's capability",
        {"advantages": None, "lambda_scale": 1.3} | _STD,
        inputs=("anchor",),
        weights="grpo",
    ),
    Estimator(
        "ktae",
        tokens.ktae,
        "KTAE",
        "ktae",
        "equation not seen",
        "token",
        "GRPO plus what each token says about success",
        {
            "variant": "paper",
            "pad_token_id": None,
            "h1": 1.0,
            "h2": 1.0,
            "h3": 1.0,
            "k1": 2.0,
            "b": 0.5,
            "eps": 1e-06,
            "ddof": None,
        },
        inputs=(
            "token_ids",
            "mask",
        ),
        centred=True,
    ),
    Estimator(
        "mapo",
        reward_only.mapo,
        "MAPO",
        "mapo",
        "equation not seen",
        "response",
        "GRPO on middling prompts, deviation over the mean on others (binary rewards)",
        _STD,
        binary=True,
        centred=True,
    ),
    Estimator(
        "maxrl",
        reward_only.maxrl,
        "MaxRL",
        "maxrl",
        "Eq. 10, second hand",
        "response",
        "reward minus the group's mean, over that mean (no negative rewards)",
        centred=True,
    ),
    Estimator(
        "grpo_n",
        reward_only.grpo_n,
        "GRPO-N",
        "grpo_n",
        "equation not seen",
        "response",
        "GRPO's negative advantages alone",
        _STD,
        centred=True,
    ),
    Estimator(
        "grpo_passk",
        reward_only.grpo_passk,
        "grpo_passk",
        "grpo_passk",
        "equation not seen",
        "response",
        "only the best response, by what it is ahead of the second best",
        _STD,
    ),
    Estimator(
        "capo",
        reward_only.capo,
        "CAPO",
        "capo",
        "equation not seen",
        "response",
        "GRPO's positive advantages alone at first, all of them later",
        {"negatives": 0.0} | _STD,
        centred=True,
    ),
    Estimator(
        "gpg",
        reward_only.gpg,
        "GPG",
        "gpg",
        "equation not seen",
        "batch",
        "reward minus the group's mean, over the share of responses with a signal",
        {"count": "mixed"},
        centred=True,
    ),
    Estimator(
        "sign_advantage",
        centre_and_scale.sign_advantage,
        "Sign advantage",
        "sign",
        "abstract",
        "response",
        "+1 for a correct response, -1 for a wrong one (binary rewards)",
        binary=True,
    ),
    Estimator(
        "dgpo",
        centre_and_scale.dgpo,
        "DGPO",
        "dgpo",
        "equation not seen",
        "response",
        "reward minus the group's mean, over its mean absolute deviation",
        {"eps": 1e-6},
        centred=True,
    ),
    Estimator(
        "mc_grpo",
        centre_and_scale.mc_grpo,
        "MC-GRPO",
        "mc_grpo",
        "equation not seen",
        "response",
        "reward minus the group's median, over the median absolute deviation",
        {"scale": "mad", "count": "all", "eps": 1e-3},
    ),
    Estimator(
        "rloo_std",
        centre_and_scale.rloo_std,
        "Leave-one-out mean and std",
        "rloo",
        "NeMo-RL's settings",
        "response",
        "reward minus the mean of the others, over the others' standard deviation",
        {"equal_others": "divide", "eps": 1e-6, "ddof": 1},
        centred=True,
    ),
    Estimator(
        "krpo",
        centre_and_scale.krpo,
        "KRPO",
        "krpo",
        "equation not seen",
        "response",
        "reward minus a Kalman filter's mean of the group so far, over its deviation",
        {
            "process_variance": 1e-5,
            "observation_variance": 1e-2,
            "start_mean": 0.0,
            "start_variance": 1.0,
            "eps": 1e-8,
        },
        ordered=True,
    ),
    Estimator(
        "lite_ppo",
        across_prompts.lite_ppo,
        "Lite PPO",
        "lite_ppo",
        "equation not seen",
        "batch",
        "reward minus the group's mean, over the standard deviation of all rewards",
        _STD,
        centred=True,
    ),
    Estimator(
        "james_stein",
        across_prompts.james_stein,
        "James-Stein baseline",
        "james_stein",
        "equation not seen",
        "batch",
        "reward minus the others' mean, shrunk towards that of the other prompts",
    ),
    Estimator(
        "bnpo",
        across_prompts.bnpo,
        "BNPO",
        "bnpo",
        "equation not seen",
        "batch",
        "reward minus the group's mean, over a Beta density of the batch's rates",
        binary=True,
        centred=True,
    ),
    Estimator(
        "a_grae",
        across_prompts.a_grae,
        "A-GRAE",
        "a_grae",
        "equation not seen",
        "batch",
        "GRPO with a focus on hard or easy prompts, successes weighted by the batch",
        _STD,
        binary=True,
        centred=True,
    ),
    Estimator(
        "opo",
        side_information.opo,
        "OPO",
        "opo",
        "equation not seen",
        "response",
        "reward minus the group's mean weighted by length",
        inputs=("lengths",),
    ),
    Estimator(
        "canon",
        side_information.canon,
        "CANON",
        "canon",
        "equation not seen",
        "response",
        "compares the halves of a group that are high and low in some metric",
        {"mu": 0.5, "alpha": 1.0},
        inputs=("metric",),
    ),
    Estimator(
        "aapo",
        side_information.aapo,
        "AAPO",
        "aapo",
        "equation not seen",
        "response",
        "GRPO plus the margin over a response of the reference model",
        {"clip_low": 0.2, "clip_high": 0.28} | _STD,
        inputs=("reference",),
    ),
    Estimator(
        "rlev",
        side_information.rlev,
        "RLEV",
        "rlev",
        "equation not seen",
        "response",
        "RLOO on rewards scaled by what the prompt is worth",
        {"alpha": 1.0, "base": "rloo"},
        inputs=("prompt_values",),
    ),
    Estimator(
        "gdpo",
        side_information.gdpo,
        "GDPO",
        "gdpo",
        "equation not seen",
        "batch",
        "adds z-scores of several rewards, over the batch's standard deviation",
        {"weights": None} | _STD,
        inputs=("further",),
    ),
    Estimator(
        "fspo",
        turns.fspo,
        "FSPO",
        "fspo",
        "equation not seen",
        "token",
        "GRPO, its sign turned where a sentence's facts say otherwise",
        _STD,
        inputs=("marks",),
    ),
    Estimator(
        "rl_zvp",
        token_credit.rl_zvp,
        "RL-ZVP",
        "rl_zvp",
        "equation not seen",
        "token",
        "GRPO; in groups of equal rewards entropies of tokens, with the reward's sign",
        {"alpha": 0.1} | _STD,
        inputs=("entropies", "mask"),
        binary=True,
    ),
    Estimator(
        "gtpo",
        token_credit.gtpo,
        "GTPO",
        "gtpo",
        "Eqs. 3, 5 and 6, second hand",
        "token",
        "shares of entropy among a group's tokens, z-scored on each side",
        {"bonus": 0.1, "eps": 1e-8},
        inputs=("entropies", "mask"),
        binary=True,
    ),
    Estimator(
        "optimal_token_baseline",
        token_credit.optimal_token_baseline,
        "Optimal token baseline",
        "otb",
        "equation not seen",
        "token",
        "reward minus the rewards' mean, weighted by squared scores up to the token",
        inputs=("log_probs", "sum_squares", "mask"),
    ),
    Estimator(
        "gae",
        critics.gae,
        "GAE",
        "gae",
        "equation not seen",
        "token",
        "discounted sum of a critic's surprises",
        {"gamma": 1.0, "lam": 0.95},
        inputs=("values", "mask"),
    ),
    Estimator(
        "decoupled_gae",
        critics.decoupled_gae,
        "Decoupled GAE",
        "vc_ppo",
        "equation not seen",
        "token",
        "GAE with one λ for the policy and another for the critic",
        {"gamma": 1.0, "lam": 0.95, "critic_lam": 1.0},
        inputs=("values", "mask"),
    ),
    Estimator(
        "length_adaptive_gae",
        critics.length_adaptive_gae,
        "Length-adaptive GAE",
        "vapo",
        "equation not seen",
        "token",
        "GAE whose λ grows with the length of the response",
        {"gamma": 1.0, "alpha": 0.05, "critic_lam": 1.0},
        inputs=("values", "mask"),
    ),
    Estimator(
        "spo",
        trackers.spo,
        "SPO",
        "spo",
        "equation not seen",
        "batch",
        "reward minus the prompt's tracked success rate, whitened over the batch",
        {"eps": 1e-8, "ddof": 1},
        inputs=("expected",),
    ),
    Estimator(
        "rae",
        trackers.rae,
        "RAE",
        "rae",
        "equation not seen",
        "response",
        "reward minus the moving mean of the response's agent",
        inputs=("usual",),
    ),
    Estimator(
        "match_tir",
        turns.match_tir,
        "MatchTIR",
        "match_tir",
        "equation not seen",
        "turn",
        "z-scores of turns that called tools, and of their trajectories",
        {"gamma": 0.9} | _STD,
    ),
    Estimator(
        "attn_rl",
        trees.attn_rl,
        "AttnRL",
        "attn_rl",
        "equation not seen",
        "tree",
        "success below a step, minus that of the prompt and of the step before",
        inputs=("tree",),
    ),
    Estimator(
        "tree_opo",
        trees.tree_opo,
        "Tree-OPO",
        "tree_opo",
        "equation not seen",
        "tree",
        "centred rewards of prefixes, projected on the order of their tree",
        {"margin": 0.1, "norm": "soft"},
        inputs=("tree",),
        binary=True,
    ),
    Estimator(
        "verl_rank",
        hidden_state_rank.verl_rank,
        "VERL",
        "verl_rank",
        "equation not seen",
        "response",
        "GRPO plus a bonus for hidden states whose effective rank grows",
        {"gain": 2.0, "kappa": 2.0} | _STD,
        inputs=(
            "dynamics",
            "baselines",
        ),
    ),
    Estimator(
        "reg_grpo",
        losses.reg_grpo,
        "Reg-GRPO",
        "reg_grpo",
        "equation not seen",
        "loss",
        "regression of the policy's log-ratios on GRPO's advantages",
        _STD,
        inputs=("log_ratios",),
    ),
)

_REGISTERED: dict[str, Estimator] = {row.name: row for row in _ROWS}

#: All estimators by name, in the order in which they are taught; those that are registered later come last.
ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(_REGISTERED)

#: Methods of papers and trainers that concern advantages and are not registered, with the reason.
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "Stabilizing RLHF through advantage model": "a learned model of human preferences, not a formula of rewards",
        "Advantage weighted matching": "for diffusion models, which have no tokens",
        "The theorem of GRPO-N's paper on two stages": "formulas not found; GRPO-N is there",
        "verl's ReMax": "needs a greedy response to each prompt; AAPO's reference is the nearest thing here",
        "DGPO's weights of prompts": "a factor for each group, B·softmax(-mean/T) over the mixed ones, multiply any",
        "EBPO": "shrinks the group's mean to a running one; the exact weight was not found (James-Stein is there)",
        "GPG's threshold β_th": "draws more prompts: it is dynamic sampling, not an advantage",
        "AttnRL's choice of branches": "belongs to sampling: it asks for attention scores",
    }
)


def get(name: str, argument: str = "name") -> Estimator:
    """Look up an estimator.

    Args:
        name: Its name, as ``qae-sim estimators`` prints it.
        argument: The argument's name, for the error.

    Returns:
        Its row.

    Raises:
        TypeError: ``name`` is no string.
        ValueError: There is no such estimator; the message lists all, and the one probably meant.

    Example:
        >>> get("qae").equation
        'Eqs. 3-4'
    """
    if not isinstance(name, str):
        raise invalid(argument, name, "a string", TypeError)
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    import difflib  # for a misspelt name alone

    # Of names that are equally close, first the one whose letters were swapped.
    close = sorted(difflib.get_close_matches(name, ESTIMATORS), key=lambda known: sorted(known) != sorted(name))
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise invalid(argument, name, "one of " + ", ".join(map(repr, ESTIMATORS)) + hint)


def register(estimator: Estimator) -> None:
    """Add an estimator, which can then be used everywhere by its name.

    Args:
        estimator: Its row.

    Raises:
        TypeError: It is no Estimator.
        ValueError: An estimator of that name exists already.

    Example:
        >>> row = Estimator("half", lambda rewards: rewards - 0.5, "Half", "", "ours", "response", "reward minus 1/2")
        >>> with registered(row):
        ...     get("half").tabulated
        True
    """
    if not isinstance(estimator, Estimator):
        raise invalid("estimator", estimator, "an Estimator", TypeError)
    if estimator.name in _REGISTERED:
        raise invalid("name", estimator.name, "one that no estimator has yet")
    _REGISTERED[estimator.name] = estimator


@contextmanager
def registered(estimator: Estimator) -> Iterator[Estimator]:
    """Register an estimator for the length of a block.

    Args:
        estimator: Its row.

    Yields:
        The row.

    Raises:
        TypeError: It is no Estimator.
        ValueError: An estimator of that name exists already.

    Example:
        >>> row = Estimator("plain", lambda rewards: rewards, "Plain", "", "ours", "response", "the reward itself")
        >>> with registered(row):
        ...     "plain" in ESTIMATORS
        True
        >>> "plain" in ESTIMATORS
        False
    """
    register(estimator)
    try:
        yield estimator
    finally:
        del _REGISTERED[estimator.name]
