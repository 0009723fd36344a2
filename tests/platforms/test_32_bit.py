"""Python in a browser is a 32-bit one: what it computes is what is computed here, bit by bit or within 1e-12.

Pyodide runs in Node, and a process of this Python without python-flint computes the same cases (cases.py). A run takes
a part of them, others with each seed; --cases=all takes all, and prints with -s what each kind reached.
"""

from __future__ import annotations

import json
import math
import pickle
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyodide_folder import PYODIDE

pytest.importorskip("anywidget")

import cases

from qae_sim.site.lite import PACKAGES
from qae_sim.site.wheels import pure_wheel
from qae_sim.theory import all_claims

NODE = shutil.which("node")
HERE = Path(__file__).parent
#: Of each kind, how many cases an ordinary run takes.
PART = {"preset": 6, "study": 3, "long study": 1, "estimator": 40, "claim": 12, "log": 2}
#: Kinds of cases that are exact, or counts; and functions that compute with + - * / and square roots alone: every
#: processor rounds these the same way.
EXACT_KINDS = ("claim", "log")
EXACT_FUNCTIONS = (
    *("grpo", "dr_grpo", "rloo", "qae", "quantile_baseline", "quantile_whitening", "grpo_n", "capo", "gpg", "mc_grpo"),
    *("mc_grpo_kept", "james_stein", "maxrl", "pos_mask", "neg_mask", "mapo", "sign_advantage", "batch_accuracy"),
    *("dynamic_sampling_mask", "overlong_punishment", "gae", "decoupled_gae"),
)
#: How far all others may be off, as a share of the largest number in the same array: exponentials and logarithms are
#: rounded as each library likes, and NumPy leaves products of vectors to BLAS, which a browser does not have.
TOLERANCE = 1e-12
#: Packages of Pyodide that the cases import.
NEEDED = ("numpy", "scipy", "pandas", "matplotlib", "pyarrow", "ipython")
WITHOUT_FLINT = "import runpy, sys; sys.modules['flint'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="no Node found"),
    pytest.mark.skipif(PYODIDE is None, reason="no Pyodide found: python tests/pyodide_folder.py FOLDER"),
]

Case = tuple[str, ...]
#: Beside the cases: which platform, and how many bytes an index has.
PLATFORM = ("platform",)


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest, cases_seed: str) -> list[Case]:
    """The cases of this run."""
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in cases.all_cases():
        by_kind[case[0]].append(case)
    if request.config.getoption("cases") == "all":
        return [case for same in by_kind.values() for case in same]
    draw = random.Random(cases_seed)
    return [case for kind, same in by_kind.items() for case in draw.sample(same, PART[kind])]


@pytest.fixture(scope="module")
def computed(chosen: list[Case], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[Case, Any], dict[Case, Any]]:
    """What this Python finds, and what Pyodide finds."""
    folder = tmp_path_factory.mktemp("cases")
    for name in ("platforms/cases.py", "public_calls.py", "bandit_studies.py", "made_logs.py"):
        shutil.copy(HERE.parent / name, folder)
    for package in PACKAGES:
        wheel = pure_wheel(package)
        (folder / wheel.name).write_bytes(wheel.content)
    names = folder / "names.json"
    names.write_text(json.dumps(chosen))
    found = []
    for command in (
        [sys.executable, "-c", WITHOUT_FLINT, "cases.py", "result"],
        [str(NODE), str(HERE / "in_node.mjs"), str(PYODIDE), str(folder), *NEEDED],
    ):
        with names.open() as given:
            done = subprocess.run(command, cwd=folder, stdin=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(pickle.loads((folder / "result").read_bytes()))
        (folder / "result").unlink()
    return found[0], found[1]


def differences(here: Any, there: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Places at which two results are not the same bits, and by how much; infinity where they cannot be compared."""
    if isinstance(here, bytes) and isinstance(there, bytes):
        yield from differences(np.frombuffer(here, np.float32), np.frombuffer(there, np.float32), f"{where}.packed")
    elif isinstance(here, np.ndarray | float) and isinstance(there, np.ndarray | float):
        one, other = np.asarray(here), np.asarray(there)
        if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
            yield f"{where}: {one.shape} {one.dtype}, {other.shape} {other.dtype}", math.inf
        elif one.tobytes() != other.astype(one.dtype).tobytes():
            known = np.isfinite(one.astype(float))
            if not np.array_equal(one[~known], other[~known], equal_nan=True):
                yield f"{where}: not finite at other places", math.inf
            elif known.any():
                scale = max(float(np.abs(one[known]).max()), sys.float_info.min)
                yield where, float(np.abs(one[known] / scale - other[known] / scale).max())
    elif isinstance(here, dict) and isinstance(there, dict) and list(here) == list(there):
        for name in here:
            yield from differences(here[name], there[name], f"{where}.{name}")
    elif isinstance(here, list | tuple) and isinstance(there, list | tuple) and len(here) == len(there):
        for place, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif type(here) is not type(there) or repr(here) != repr(there):
        yield f"{where}: {here!r:.300}, and in a browser {there!r:.300}", math.inf


def allowed(case: Case, where: str) -> float:
    """How far a number may be off."""
    if case[0] in EXACT_KINDS or (case[0] == "estimator" and case[1] in EXACT_FUNCTIONS):
        return 0.0
    return 2.0**-23 if where.endswith(".packed") else TOLERANCE  # a float32's last bit


def test_the_numbers_are_the_same(computed: tuple[dict[Case, Any], dict[Case, Any]], chosen: list[Case]) -> None:
    here, there = computed
    assert set(here) == set(there) == {PLATFORM, *chosen}
    same: dict[str, list[bool]] = defaultdict(list)
    largest: dict[str, float] = defaultdict(float)
    wrong = []
    for case in chosen:
        found = list(differences(here[case], there[case]))
        same[case[0]].append(not found)
        for where, size in found:
            if where.endswith(".packed"):
                continue
            largest[case[0]] = max(largest[case[0]], size)
        wrong += [(case, where, size) for where, size in found if not size <= allowed(case, where)]
    for kind, equal in same.items():
        print(f"{kind}: {sum(equal)} of {len(equal)} are the same bits; the largest difference is {largest[kind]:.1e}")
    assert not wrong, "\n".join(map(str, wrong[:40]))
    assert not [case for case in chosen if isinstance(here[case], Exception)]


def test_claims_are_decided_as_with_flint(
    computed: tuple[dict[Case, Any], dict[Case, Any]], chosen: list[Case]
) -> None:
    """Those that wait say for what."""
    _, there = computed
    claims = [case for case in chosen if case[0] == "claim"]
    decided = {case[1]: there[case][0] for case in claims if there[case] != "flint"}
    assert decided
    assert decided == {id: str(all_claims()[id].expected) for id in decided}


def test_the_browser_is_the_other_platform(computed: tuple[dict[Case, Any], dict[Case, Any]]) -> None:
    """Without this, both could be the same Python."""
    here, there = computed
    assert here[PLATFORM] == (sys.platform, 8)
    assert there[PLATFORM] == ("emscripten", 4)
