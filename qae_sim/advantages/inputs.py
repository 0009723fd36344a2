"""What an estimator may need besides rewards; each input is declared here and nowhere else.

The table of estimators, the matrix of where each can be used, the trainers, the toy model, the explorers and the
reference read these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from qae_sim.advantages.hidden_state_rank import RankBaselines, RankDynamics
from qae_sim.arrays import invalid
from qae_sim.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What an axis of an input counts.
Axis: TypeAlias = Literal["reward", "prompt", "response", "token"]


@dataclass(frozen=True)
class Input:
    """Something that an estimator needs besides rewards ``(B, G)``: B prompts with G responses each.

    Attributes:
        name: Name of the argument.
        words: What it is, in words that finish "it needs ...".
        axes: What its axes count, in order; empty for one value for the whole batch.
        places: Where it is available: ``"bandits"``, ``"lm"``, ``"trl"``. Explorers use examples.
        example: Makes an example from numbers x in [0, 1], one for each response, ``(B, G)``; None if there is none.
        drawn: What x stands for where the example is drawn.
        column: What a dataset's column of this name holds, where trainers take it from there.
        remembered: Whether it summarises earlier batches, which the state of the rule keeps.
    """

    name: str
    words: str
    axes: tuple[Axis, ...]
    places: tuple[str, ...] = ()
    example: Callable[[NDArray[np.float64]], Any] | None = None
    drawn: str = ""
    column: str = ""
    remembered: bool = False

    def grouped(self, values: Any, shape: tuple[int, int]) -> Any:
        """Arrange a flat list of values, one for each response, in groups.

        Args:
            values: ``(N, ...)``, N = B·G; for several rewards ``(n, N)``; for prompts ``(N,)``, the same for all
                responses of a prompt.
            shape: B and G.

        Returns:
            The input as estimators take it.

        Raises:
            ValueError: Responses to one prompt have different values of an input that belongs to the prompt.

        Example:
            >>> INPUTS["prompt_values"].grouped([2.0, 2.0, 3.0, 3.0], (2, 2))
            array([2., 3.])
        """
        v = np.asarray(values)
        if self.axes[:1] == ("reward",):
            return v.reshape(len(v), *shape)
        v = v.reshape(*shape, *v.shape[1:])
        if "response" in self.axes:
            return v
        different = (v != v[:, :1]).any(axis=1)
        if different.any():
            raise invalid(self.name, v[different][0].tolist(), "the same for all of a group")
        return v[:, 0]

    def take(self, values: Any, prompts: Any, responses: Any = None) -> Any:
        """Take some prompts, or some responses to one prompt.

        Args:
            values: The input, grouped.
            prompts: Which prompts: an index or a mask.
            responses: Which responses to that one prompt; None: all.

        Returns:
            The part.

        Example:
            >>> INPUTS["lengths"].take(np.array([[5, 6, 7], [8, 9, 9]]), 0, np.array([True, False, True]))
            array([5, 7])
        """
        first = (slice(None),) if self.axes[:1] == ("reward",) else ()
        part = values[(*first, prompts)]
        return part if responses is None or "response" not in self.axes else part[(*first, responses)]


def _ones(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """An array of ones."""
    return np.ones(x.shape)


def _three_tokens(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Responses of three tokens, 0, 1 and 2."""
    return np.broadcast_to(np.arange(3), (*x.shape, 3))


_GROUP: tuple[Axis, ...] = ("prompt", "response")
_TOKENS: tuple[Axis, ...] = ("prompt", "response", "token")
_TRAINERS = ("lm", "trl")

_INPUTS = (
    Input("token_ids", "token ids", _TOKENS, ("bandits", *_TRAINERS), _three_tokens),
    Input(
        "mask",
        "places of the responses' own tokens",
        _TOKENS,
        ("bandits", *_TRAINERS),
        lambda x: np.ones((*x.shape, 3), dtype=bool),
    ),
    Input("anchor", "anchors of difficulty", (), ("bandits", *_TRAINERS), lambda x: 0.5),
    Input(
        "lengths",
        "lengths of responses",
        _GROUP,
        ("bandits", *_TRAINERS),
        lambda x: 1 + 9 * x,
        "lengths, 1 + 9x tokens",
    ),
    Input(
        "metric",
        "numbers to sort responses by",
        _GROUP,
        ("bandits", *_TRAINERS),
        lambda x: x,
        "what responses are sorted by",
    ),
    Input(
        "reference",
        "rewards of a reference model's responses",
        _GROUP,
        _TRAINERS,
        lambda x: x,
        "rewards of the reference model's responses",
        column="the reference model's reward",
    ),
    Input(
        "prompt_values",
        "values of prompts",
        ("prompt",),
        _TRAINERS,
        lambda x: x[..., 0],
        "the prompt's value (the first number)",
        column="what the prompt is worth",
    ),
    Input("further", "further rewards", ("reward", *_GROUP), _TRAINERS, lambda x: x[None], "a second reward"),
    Input("marks", "verdicts on the facts of sentences", _TOKENS, ("lm",), lambda x: _three_tokens(x) - 1.0),
    Input(
        "entropies",
        "entropies of tokens",
        _TOKENS,
        ("lm",),
        lambda x: np.stack([x, 1 - x, np.full_like(x, 0.5)], axis=-1),
        "entropies of three tokens, x, 1 - x and 1/2",
    ),
    Input(
        "values",
        "a critic's values of tokens",
        _TOKENS,
        example=lambda x: np.stack([np.full_like(x, 0.5), x, x], axis=-1),
        drawn="a critic's values of three tokens, 1/2, x and x",
    ),
    Input(
        "log_probs",
        "log-probabilities of sampled tokens",
        _TOKENS,
        example=lambda x: np.log(np.stack([0.25 + x / 2, 0.75 - x / 2, np.full_like(x, 0.5)], axis=-1)),
        drawn="log-probabilities of three tokens of probability 1/4 + x/2, 3/4 - x/2 and 1/2",
    ),
    Input(
        "sum_squares",
        "sums of squared probabilities at each token",
        _TOKENS,
        example=lambda x: np.full((*x.shape, 3), 0.625),
        drawn="sums of squared probabilities, 5/8",
    ),
    Input(
        "expected",
        "tracked success rates of prompts",
        ("prompt",),
        example=lambda x: x[..., 0],
        drawn="the prompt's tracked success rate (the first number)",
    ),
    Input(
        "usual",
        "what the agent of each response usually gets",
        _GROUP,
        example=lambda x: x,
        drawn="what the response's agent usually gets",
    ),
    Input("tree", "responses that begin alike", ()),
    Input(
        "dynamics",
        "hidden states",
        _GROUP,
        ("lm",),
        lambda x: RankDynamics(20 * x, _ones(x), _ones(x)),
        "effective ranks, 20x where 10 is usual",
    ),
    Input(
        "baselines",
        "hidden states of earlier batches",
        (),
        ("lm",),
        lambda x: RankBaselines(10.0, 1.0, 1.0),
        remembered=True,
    ),
    Input("log_ratios", "log-ratios of the policy that is being trained", _TOKENS),
)

#: All inputs by the name of the argument.
INPUTS: Mapping[str, Input] = MappingProxyType({item.name: item for item in _INPUTS})
