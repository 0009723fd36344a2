"""The table of all estimators: what there is, where it comes from, which parameters it has.

Command line, notebooks and trainers read this table, so an estimator that is in it appears in all of them.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from qae_sim.advantages import automatic, group, history, neighbours, tokens
from qae_sim.arrays import invalid


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
            ``"batch"`` (the whole batch of groups), ``"token"`` (single tokens).
        summary: What it does, in one line.
        binary: Whether it is defined for rewards of 0 and 1 alone.
    """

    name: str
    function: Callable[..., Any]
    paper: str
    arxiv: str
    equation: str
    level: Literal["response", "batch", "token"]
    summary: str
    binary: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Names and defaults of the parameters after the rewards; ``inspect.Parameter.empty`` marks required ones."""
        data = {"rewards", "values", "token_ids", "mask"}
        signature = inspect.signature(self.function)
        return {name: p.default for name, p in signature.parameters.items() if name not in data}

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the parameters that are chosen for a run; the others come with each batch."""
        data = {"advantages", "anchor", "lambda_scale", "lengths"}
        return {name: default for name, default in self.parameters.items() if name not in data}


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
        history.ha_dw,
        "Yang et al., Your group-relative advantage is biased",
        "2601.08521",
        "Eqs. 13-17",
        "response",
        "GRPO weighted by difficulty against an anchor of the model's capability",
    ),
    Estimator(
        "ktae",
        tokens.ktae,
        "Sun et al., KTAE",
        "2505.16826",
        "equation not seen",
        "token",
        "GRPO plus what each token says about success",
    ),
    Estimator(
        "mapo",
        neighbours.mapo,
        "MAPO",
        "2509.18849",
        "equation not seen",
        "response",
        "GRPO on middling prompts, deviation over the mean on others (binary rewards)",
        binary=True,
    ),
    Estimator(
        "maxrl",
        neighbours.maxrl,
        "Tajwar et al., Maximum likelihood reinforcement learning",
        "2602.02710",
        "equation not seen",
        "response",
        "reward minus the group's mean, over that mean (binary rewards)",
        binary=True,
    ),
    Estimator(
        "grpo_n",
        neighbours.grpo_n,
        "The debate on RLVR reasoning capability boundary",
        "2510.04028",
        "equation not seen",
        "response",
        "GRPO's negative advantages alone",
    ),
    Estimator(
        "grpo_passk",
        neighbours.grpo_passk,
        "verl's grpo_passk",
        "2503.19595",
        "equation not seen",
        "response",
        "only the best response, by what it is ahead of the second best",
    ),
)

#: All estimators by name, in the order in which they are taught.
ESTIMATORS: Mapping[str, Estimator] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


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
