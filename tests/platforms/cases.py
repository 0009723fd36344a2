"""What must come out the same wherever it is computed: cases by kind, and what each gives, in plain values and arrays.

Run: python cases.py RESULT < NAMES. It needs neither pytest nor python-flint, so that Python in a browser runs it, too.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bandit_studies import GENERAL, general
from made_logs import WRITERS, made_run, seen
from public_calls import CALLS, numbers_of

import qae_sim.explorers as explorers_module
from qae_sim.advantages import AdvantageRule
from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.pictures.scene import pack
from qae_sim.theory import all_claims
from qae_sim.theory.claim import Method


def _plain(part: Any) -> Any:
    """What a picture is made of, with its numbers as they are before they are packed."""
    if is_dataclass(part) and not isinstance(part, type):
        return {field.name: _plain(getattr(part, field.name)) for field in fields(part)}
    if isinstance(part, tuple | list):
        return [_plain(item) for item in part]
    return part.item() if isinstance(part, np.generic) else part


def _explorers() -> dict[str, Any]:
    """Explorers that open without a log of somebody's."""
    kinds = {name: getattr(explorers_module, name) for name in explorers_module.__all__}
    explorer = explorers_module.Explorer
    return {
        name: kind
        for name, kind in kinds.items()
        if isinstance(kind, type)
        and issubclass(kind, explorer)
        and kind not in (explorer, explorers_module.TrainingLog)
    }


def preset(explorer: str, name: str) -> Any:
    """The picture of a preset, as the browser gets it and before it is packed, and what is said of it."""
    shown = _explorers()[explorer](_explorers()[explorer].PRESETS[name])
    picture = shown.picture()
    packed = pack(picture)
    return [_plain(picture), packed.spec, packed.data, shown.words(), shown.table()]


def study(name: str) -> Any:
    """Records and parameters of a simulated study."""
    results = simulate(general(name))
    return [dict(results.records), results.parameters]


def long_study(estimator: str) -> Any:
    """The same of one with many steps, as lessons have them."""
    results = simulate(Study(Bandit.uniform(20, 6), AdvantageRule(estimator), steps=300, runs=16))
    return [dict(results.records), results.parameters]


#: Rewards in the place of an estimator's, at the edges of what it takes.
REWARDS: dict[str, Any] = {
    "its own": None,
    "all equal": [[1.0] * 4, [0.0] * 4],
    "negative zeros": [[-0.0, 0.0, -0.0, 1.0], [0.0, -0.0, -0.0, -0.0]],
    "huge": [[1e300, -1e300, 1e308, 0.0], [1e-300, 5e-324, 0.0, 1e-308]],
    "nearly equal": [[1.0, 1.0 + 2**-52, 1.0, 1.0], [1 / 3, 2 / 3, 1 / 3, 1 / 3]],
    "integers": [[3, 1, 2**31, -(2**31)], [2**40, 2**53, 0, 7]],
    "one response": [[1.0], [0.0]],
    "no groups": np.zeros((0, 4)),
    "NaN": [[math.nan, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]],
    "words": "many",
}


def estimator(name: str, rewards: str) -> Any:
    """What a function gives for rewards, or the error that it ends with."""
    call = CALLS[name]
    changes = {} if REWARDS[rewards] is None or "rewards" not in call.arrays else {"rewards": REWARDS[rewards]}
    try:
        return numbers_of(call(**changes))
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def claim(id: str) -> Any:
    """What the check of a claim finds on exact fractions, or what it waits for."""
    known = all_claims()[id]
    try:
        outcome = known.check(True)
    except ModuleNotFoundError as missing:
        return missing.name
    evidence = [item.to_dict() for item in outcome.evidence]
    for item in evidence:
        if item["method"] == Method.FLOATS:  # how far floats are off is written as text
            item["margin"] = item["figures"] = None
    return [str(outcome.verdict), outcome.condition, evidence]


def log(writer: str) -> Any:
    """What is found in a training log, and the pictures of it."""
    with tempfile.TemporaryDirectory() as folder:
        shown = explorers_module.TrainingLog(WRITERS[writer](Path(folder), made_run()))
    pictures = []
    for view in ("training", "rates", "silenced"):
        shown.set(view=view)
        pictures.append([_plain(shown.picture()), shown.words()])
    return [seen(shown.digest), pictures]


#: How each kind of case is computed.
KINDS: dict[str, Callable[..., Any]] = {
    "preset": preset,
    "study": study,
    "long study": long_study,
    "estimator": estimator,
    "claim": claim,
    "log": log,
}


def all_cases() -> Iterator[tuple[str, ...]]:
    """All cases: a kind, and what it is computed of."""
    for name, kind in _explorers().items():
        yield from (("preset", name, each) for each in kind.PRESETS)
    yield from (("study", name) for name in GENERAL)
    yield from (("long study", name) for name in ("grpo", "qae", "rloo", "dr_grpo"))
    yield from (
        ("estimator", name, rewards)
        for name, call in CALLS.items()
        for rewards in (REWARDS if "rewards" in call.arrays else ("its own",))
    )
    yield from (("claim", id) for id in all_claims())
    yield from (("log", writer) for writer in WRITERS)


def main(result: Path) -> None:
    """Compute the cases that are named, and write what they give."""
    warnings.simplefilter("ignore")
    found: dict[tuple[str, ...], Any] = {("platform",): (sys.platform, np.dtype(np.intp).itemsize)}
    for kind, *of in json.load(sys.stdin):
        try:
            found[(kind, *of)] = KINDS[kind](*of)
        except Exception as error:
            found[(kind, *of)] = error
    result.write_bytes(pickle.dumps(found, protocol=4))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
