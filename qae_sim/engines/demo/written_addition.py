"""Addition with written steps, as text: prompts, worked solutions, some of them wrong, and an exact verifier.

27+48?   ->   7+8=15 2+4+1=7 a 75
"""

from __future__ import annotations

import re

import numpy as np

from qae_sim.arrays import require_integer, require_number
from qae_sim.streams import uniform

#: Every character that occurs, in the order of the tokenizer's numbers.
CHARACTERS = "0123456789+=? a"

#: The longest solution, its end included.
LONGEST = 24

# Purposes of random streams.
_PROBLEMS, _SLIPS, _SPLIT = 1, 2, 3

_ANSWER = re.compile(r"a (\d+)$")
_PROMPT = re.compile(r"(\d\d)\+(\d\d)\?")


def problems(count: int, seed: int, *, held_out: bool = False) -> list[str]:
    """Draw sums of two numbers of two digits; a tenth of all pairs, scattered at random, is held out.

    Args:
        count: Number of prompts, >= 1; they may repeat.
        seed: Seed of the draw, >= 0.
        held_out: Draw from the pairs that are never trained on.

    Returns:
        Prompts.

    Example:
        >>> problems(2, seed=0), problems(2, seed=0, held_out=True)
        (['46+70?', '58+91?'], ['18+54?', '33+99?'])
    """
    require_integer("count", count, low=1)
    kept = np.flatnonzero((uniform(np.zeros(1), 90 * 90, _SPLIT) < 0.1) == held_out)
    places = uniform(np.zeros(1), count, require_integer("seed", seed), _PROBLEMS, int(held_out)) * len(kept)
    return [f"{10 + pair // 90}+{10 + pair % 90}?" for pair in kept[places.astype(int)]]


def solution(prompt: str) -> str:
    """Write the worked solution: units, tens with the carry, answer.

    Args:
        prompt: Such as ``"27+48?"``.

    Returns:
        The text.

    Raises:
        ValueError: The prompt is not of this form.

    Example:
        >>> solution("27+48?")
        '7+8=15 2+4+1=7 a 75'
    """
    a, b = _numbers(prompt)
    return _written(a, b, a % 10 + b % 10, a // 10 + b // 10 + (a % 10 + b % 10) // 10)


def demonstrations(prompts: list[str], seed: int, *, slips: float = 0.35) -> list[str]:
    """Write worked solutions, some of them wrong: a sum off by one, or a carry forgotten.

    Args:
        prompts: The prompts.
        seed: Seed of the errors, >= 0.
        slips: Share of wrong solutions, in [0, 1].

    Returns:
        A text for each prompt.

    Example:
        >>> demonstrations(["27+48?"] * 3, seed=1, slips=1.0)
        ['7+8=15 2+4=6 a 65', '7+8=15 2+4=6 a 65', '7+8=14 2+4+1=7 a 74']
    """
    share = require_number("slips", slips, low=0.0, high=1.0)
    random = uniform(np.zeros(1), 2 * len(prompts), require_integer("seed", seed), _SLIPS).reshape(-1, 2)
    texts = []
    for prompt, (whether, which) in zip(prompts, random, strict=True):
        a, b = _numbers(prompt)
        units = a % 10 + b % 10
        tens = a // 10 + b // 10 + units // 10
        if whether < share:
            if units >= 10 and which < 0.5:
                texts.append(_written(a, b, units, tens - 1))
                continue
            units += -1 if which < 0.75 and units not in (0, 10) else 1 if units not in (9, 18) else -1
        texts.append(_written(a, b, units, tens))
    return texts


def reward(prompts: list[str], completions: list[str], **others: object) -> list[float]:
    """Reward 1 for a correct answer, 0 for a wrong one or none; a reward function for TRL.

    Only the answer counts, as in the papers: a wrong step that leads to it is not punished.

    Args:
        prompts: N prompts.
        completions: A response to each.
        **others: Further arguments that TRL passes; ignored.

    Returns:
        N rewards, 0.0 or 1.0.

    Example:
        >>> reward(["27+48?", "27+48?"], ["7+8=15 2+4+1=7 a 75", "a 74"])
        [1.0, 0.0]
    """
    found = [_ANSWER.search(text.strip()) for text in completions]
    right = [sum(_numbers(prompt)) for prompt in prompts]
    return [float(answer is not None and int(answer[1]) == r) for answer, r in zip(found, right, strict=True)]


def _numbers(prompt: str) -> tuple[int, int]:
    """Read the two numbers of a prompt."""
    found = _PROMPT.fullmatch(prompt)
    if found is None:
        raise ValueError(f"prompt must be two numbers of two digits, such as '27+48?'; got {prompt!r}")
    return int(found[1]), int(found[2])


def _written(a: int, b: int, units: int, tens: int) -> str:
    """Write a solution with these sums."""
    carry = "+1" if tens > a // 10 + b // 10 else ""
    return f"{a % 10}+{b % 10}={units} {a // 10}+{b // 10}{carry}={tens} a {10 * tens + units % 10}"
