"""The real-model notebook's parts: arithmetic, the small Qwen3, training by TRL, the recorded runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.engines.demo import trl_runs
from qae_sim.engines.demo.trl_runs import CURVES, EVERY, PER_GENERATION, RECIPES, SEEDS, STEPS, curve, recorded
from qae_sim.engines.demo.written_addition import CHARACTERS, LONGEST, demonstrations, problems, reward, solution
from qae_sim.logs.digest import digest

two_digits = st.integers(10, 99)
#: What imports and trains models.
heavy = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


# --- the task ---


@given(two_digits, two_digits)
def test_solutions_are_right_in_every_step(a: int, b: int) -> None:
    text = solution(f"{a}+{b}?")
    for left, right in re.findall(r"([\d+]+)=(\d+)", text):
        assert sum(map(int, left.split("+"))) == int(right)
    assert text.endswith(f" a {a + b}")
    assert reward([f"{a}+{b}?"], [text]) == [1.0]
    assert len(text) < LONGEST
    assert set(f"{a}+{b}?{text}") <= set(CHARACTERS)


@given(st.integers(0, 2**32))
def test_slips_are_as_frequent_as_asked_and_always_wrong(seed: int) -> None:
    prompts = problems(200, seed)
    assert reward(prompts, demonstrations(prompts, seed, slips=0.0)) == [1.0] * 200
    assert reward(prompts, demonstrations(prompts, seed, slips=1.0)) == [0.0] * 200
    assert 100 < sum(reward(prompts, demonstrations(prompts, seed))) < 160  # 130 expected, 4.5 deviations
    assert max(map(len, demonstrations(prompts, seed, slips=1.0))) < LONGEST


def test_held_out_sums_are_never_trained_on() -> None:
    trained, held_out = set(problems(100_000, 1)), set(problems(20_000, 2, held_out=True))
    assert not trained & held_out
    assert 0.08 < len(held_out) / (len(trained) + len(held_out)) < 0.12
    # Scattered: every pair of last digits occurs in training.
    assert len({(text[1], text[4]) for text in trained}) == 100
    assert problems(5, 3) == problems(7, 3)[:5]
    assert problems(5, 3) != problems(5, 4)


@pytest.mark.parametrize("text", ["", "75", "a75", "a 75 a 7", "a 7 5", "a 075x", "7+8=15 a", "a -75", "a 75."])
def test_what_is_no_answer_gets_nothing(text: str) -> None:
    assert reward(["27+48?"], [text]) == [0.0]


def test_wrong_prompts_are_named() -> None:
    with pytest.raises(ValueError, match="prompt must be two numbers of two digits"):
        solution("7+8?")
    with pytest.raises(ValueError, match="slips must be"):
        demonstrations(["27+48?"], 0, slips=1.5)
    with pytest.raises(ValueError, match="count must be"):
        problems(0, 0)


# --- the recorded runs ---


def test_recorded_runs_are_those_of_these_recipes() -> None:
    pytest.importorskip("trl")
    about = recorded()["about"]
    made = trl_runs._about(STEPS)
    assert about["recipes"] == made["recipes"]
    assert about["settings"] == made["settings"]


def test_recorded_curves_are_complete() -> None:
    assert {(run["recipe"], run["seed"]) for run in recorded()["runs"]} == {(r, s) for r in RECIPES for s in SEEDS}
    for recipe in RECIPES:
        for name, logged in CURVES.items():
            steps, values = curve(recipe, name)
            each = PER_GENERATION if logged else EVERY
            assert steps.tolist() == list(range(each if logged else 0, STEPS + 1, each))
            assert values.shape == (len(SEEDS), len(steps))
            assert np.isfinite(values).all()
    first = {recipe: curve(recipe, "pass_1")[1][:, 0].tolist() for recipe in RECIPES}
    assert len({str(values) for values in first.values()}) == 1  # all recipes start from the same base models
    with pytest.raises(ValueError, match="recipe must be one of 'mean'"):
        curve("median", "reward")
    with pytest.raises(ValueError, match="name must be one of 'reward'"):
        curve("mean", "loss")


def test_recorded_log_is_the_recorded_run() -> None:
    pytest.importorskip("pyarrow")
    found = digest(trl_runs.recorded_log())
    steps, values = curve("mean", "reward")
    assert found.steps.tolist() == steps.tolist()
    np.testing.assert_allclose(found.reward, values[0], atol=1e-5)
    assert found.group_size == 8
    assert found.trouble.counts == {}
    assert found.words


# --- models ---


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the base model that lesson and runs start from; made once, for it takes half a minute."""
    import torch

    from qae_sim.engines.demo.small_model import small_model, small_tokenizer, warm_start

    model = small_model(small_tokenizer(), 0)
    told: list[float] = []
    warm_start(model, small_tokenizer(), 0, tell=told.append)
    assert told[-1] == 1.0
    path = tmp_path_factory.mktemp("base") / "weights.pt"
    torch.save(model.state_dict(), path)
    return path


class TestModels:
    """With PyTorch and transformers."""

    pytestmark = heavy

    def test_tokenizer_gives_back_what_it_got(self) -> None:
        from qae_sim.engines.demo.small_model import small_tokenizer

        tokenizer = small_tokenizer()
        for prompt in problems(20, 0):
            text = prompt + solution(prompt)
            assert tokenizer.decode(tokenizer(text).input_ids) == text
        ids = tokenizer("1+1?<end>").input_ids
        assert ids[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(ids, skip_special_tokens=True) == "1+1?"

    def test_warm_start_learns_to_add_and_sampling_repeats(self, base: Path) -> None:
        import torch

        from qae_sim.engines.demo.small_model import small_model, small_tokenizer, solve

        tokenizer = small_tokenizer()
        model = small_model(tokenizer, 0)
        held_out = problems(64, 0, held_out=True)
        assert solve(model, tokenizer, held_out, 8, seed=1)[0].mean() == 0
        model.load_state_dict(torch.load(base))
        state = torch.get_rng_state()
        rewards, texts = solve(model, tokenizer, held_out, 8, seed=1)
        assert torch.equal(torch.get_rng_state(), state)
        assert rewards.shape == (64, 8)
        assert len(texts) == 512
        assert 0.1 < rewards.mean() < rewards.max(axis=1).mean() - 0.3  # room for RLVR
        again, same = solve(model, tokenizer, held_out, 8, seed=1)
        assert same == texts
        assert (again == rewards).all()
        asked = [prompt for prompt in held_out for _ in range(8)]
        assert reward(asked, texts) == rewards.ravel().tolist()

    def test_runs_are_trained_recorded_and_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from qae_sim.engines.demo import small_model

        monkeypatch.setattr(small_model, "warm_start", lambda *args, **options: None)
        trl_runs._seed(tmp_path, 0, 4)
        runs = {name: json.loads((tmp_path / f"0-{name}.json").read_text()) for name in RECIPES}
        for name, run in runs.items():
            assert run["recipe"] == name
            curves: dict[str, Any] = run["curves"]
            assert set(curves) == set(CURVES)
            assert curves["pass_1"]["steps"] == [0]
            assert curves["entropy"]["steps"] == [4]
        stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
        trl_runs._seed(tmp_path, 0, 4)
        assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_lesson_trains_when_asked_to(tmp_path: Path, base: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("trl")
    path = Path(__file__).parents[2] / "notebooks" / "13_real_trainer.ipynb"
    notebook = nbformat.read(path, as_version=4)
    changes = {
        "LIVE = False": "LIVE = True",
        "STEPS = 120": "STEPS = 4",
        "warm_start(model, tokenizer, seed=0)": f"import torch; model.load_state_dict(torch.load({str(base)!r}))",
    }
    for old, new in changes.items():
        assert sum(old in cell.source for cell in notebook.cells) == 1
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "790,016 parameters" in said
    assert "pass@1 0." in said
    one, eight = (float(x) for x in re.findall(r"[^:] ?pass@1 (0\.\d\d), pass@8 (0\.\d\d)", said)[0])
    assert 0.1 < one < eight - 0.3
    for name in ("mean", "QAE", "HA-DW"):
        assert f"{name}: pass@1 0." in said
        assert len(list((tmp_path / "runs" / name / "completions").glob("*.parquet"))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_lesson_trains_a_base_model_from_disk(tmp_path: Path) -> None:
    """All of tier B's cell but the sizes and the hub."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("trl")
    from qae_sim.engines.demo.small_model import small_model, small_tokenizer

    tokenizer = small_tokenizer()
    small_model(tokenizer, 0).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    rows = [{"question": f"1+{n}?", "answer": f"#### {n + 1}"} for n in range(8)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = Path(__file__).parents[2] / "notebooks" / "13_real_trainer.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "BASE" in cell.source or "RECIPES = " in cell.source]
    changes = {
        "LIVE": "False",
        "BASE = False": "BASE = True",
        "MODEL, DATA = gsm8k.MODEL, gsm8k.DATA": "MODEL, DATA = 'model', 'data.jsonl'",
        '"max_completion_length": 512, "max_steps": 200': '"max_completion_length": 4, "max_steps": 2',
        '"bf16": True': '"bf16": False',
    }
    for cell in notebook.cells:
        for old, new in changes.items():
            cell.source = cell.source.replace(old, new)
    notebook.cells.append(nbformat.v4.new_code_cell("print(trainer.state.global_step, model.num_parameters())"))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "2 790016" in json.dumps(notebook.cells[-1]["outputs"])
