"""Run folders: resuming after a kill, damaged files, base models on disk, and a run that learns."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import small_runs  # noqa: E402

from qae_sim.advantages import EntropyTargetK, SoftAnchor  # noqa: E402
from qae_sim.lm import train as train_module  # noqa: E402
from qae_sim.lm import warmstart  # noqa: E402
from qae_sim.lm.config import Config  # noqa: E402
from qae_sim.lm.files import load_tensors  # noqa: E402
from qae_sim.lm.runs import LINES, Record, identity, read_rows, read_run  # noqa: E402
from qae_sim.lm.train import choose_device, train  # noqa: E402
from qae_sim.lm.trainer import Trainer  # noqa: E402
from qae_sim.lm.warmstart import base_key, new_model, warm_start  # noqa: E402
from qae_sim.storage import from_json, one_writer, to_json, verify  # noqa: E402


def small(**changes: Any) -> Config:
    """Nearly everything is wrong; the punishment for length makes rewards differ, so that there is a gradient."""
    return small_runs.small(**({"overlong": 7} | changes))


PAIR = [
    small(seed=1, anchor=SoftAnchor()),
    small(seed=2, estimator="qae", parameters={"k": EntropyTargetK(1.0)}, kl=0.1),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    seen: list[tuple[str, float]] = []
    record = train(PAIR, folder, device="cpu", progress=lambda what, share: seen.append((what, share)))
    assert [what for what, _ in seen] == sorted((what for what, _ in seen), reverse=True)  # warm start, then training
    assert seen[-1] == ("training", 1.0)
    return folder, record


def same_files(a: Path, b: Path) -> None:
    assert (a / "metrics.jsonl").read_text() == (b / "metrics.jsonl").read_text()
    one, about_one = load_tensors(a / "checkpoint.safetensors")
    two, about_two = load_tensors(b / "checkpoint.safetensors")
    assert about_one == about_two
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_folder_holds_what_was_measured(finished: tuple[Path, Record]) -> None:
    folder, record = finished
    assert record.configs == tuple(PAIR)
    assert record["reward"].shape == (2, 7)
    assert (record["gradient_norm"][:, :-1] > 0).any(axis=1).all()  # it learns
    assert np.isnan(record["reward"][:, -1]).all()
    assert not np.isnan(record["pass_1"][:, ::2]).any()
    assert np.isnan(record["pass_1"][:, 1::2]).all()
    assert record["pass_curve"].shape == (2, 7, 3)
    assert record["success_histogram"][:, :-1].sum(axis=-1).tolist() == [[4.0] * 6] * 2
    assert set(record.words[0]) == set(range(6))
    assert record.about[0]["device"] == "cpu"
    # Everything that is measured is described, and the other way round.
    from qae_sim.lm.runs import METRICS

    assert set(METRICS) == {*record.metrics, "top_words"}
    np.testing.assert_array_equal(read_run(folder)["entropy"], record["entropy"])


def test_counts_take_half_the_room_and_nothing_is_lost(finished: tuple[Path, Record], tmp_path: Path) -> None:
    record = finished[1]
    values = {
        "counts": [0.0, 16.0, 2048.0, np.nan],
        "shares": [0.1, 2.0, np.nan, 1.0],
        "large": [1e6, 2049.0, 0.0, 1.0],
    }
    made = Record(record.configs[:1], {k: np.array([v]) for k, v in values.items()}, ({},), record.about[:1])
    made.save(tmp_path / "record.npz")
    with np.load(tmp_path / "record.npz") as archive:
        kinds = {name: str(archive[name].dtype) for name in values}
    assert kinds == {"counts": "float16", "shares": "float32", "large": "float32"}
    for name, read in Record.load(tmp_path / "record.npz").metrics.items():
        np.testing.assert_array_equal(read, np.array([values[name]], dtype=np.float32))


def test_a_finished_run_is_read_not_trained(finished: tuple[Path, Record]) -> None:
    folder, record = finished
    before = (folder / "checkpoint.safetensors").stat().st_mtime_ns
    again = train(PAIR, folder, device="cpu")
    np.testing.assert_array_equal(again["entropy"], record["entropy"])
    assert (folder / "checkpoint.safetensors").stat().st_mtime_ns == before


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 2, 5, 6])
def test_resumed_run_ends_with_the_same_bits(finished: tuple[Path, Record], tmp_path: Path, after: int) -> None:
    def stop(what: str, share: float) -> None:
        if what == "training" and share >= after / 6:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(PAIR, tmp_path, device="cpu", bases=finished[0], progress=stop)
    train(PAIR, tmp_path, device="cpu", bases=finished[0])
    same_files(finished[0], tmp_path)


SCRIPT = """
import sys
sys.path[:0] = {tests!r}
import torch
torch.set_num_threads(1)
from test_train import PAIR
from qae_sim.lm.train import train
train(PAIR, {folder!r}, device="cpu")
"""


@pytest.mark.slow
def test_killed_processes_resume_to_the_same_bits(tmp_path: Path) -> None:
    def start(folder: Path) -> subprocess.Popen[bytes]:
        text = SCRIPT.format(tests=[str(Path(__file__).parents[i]) for i in range(2)], folder=str(folder))
        return subprocess.Popen([sys.executable, "-c", text], env=os.environ | {"OMP_NUM_THREADS": "1"})

    assert start(tmp_path / "whole").wait() == 0
    killed = tmp_path / "killed"
    lines = killed / "metrics.jsonl"
    for wanted in (0, 1, 3):  # kill in the warm start, before the first checkpoint, behind it
        process = start(killed)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            rows = lines.read_text().count("\n") if lines.exists() else 0
            if (killed / "config.json").exists() and rows >= wanted:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(killed).wait() == 0
    same_files(tmp_path / "whole", killed)


# --- damage ---


@pytest.fixture
def half(finished: tuple[Path, Record], tmp_path: Path) -> Path:
    """A run that has stopped after four batches."""

    def stop(what: str, share: float) -> None:
        if what == "training" and share >= 4 / 6:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(PAIR, tmp_path, device="cpu", bases=finished[0], progress=stop)
    return tmp_path


def test_other_runs_are_not_overwritten(half: Path) -> None:
    with pytest.raises(ValueError, match="holds other runs; give them another folder"):
        train(small(seed=9), half, device="cpu")
    of_rules = r"\(run 0 there turns rewards into advantages by grpo, SoftAnchor\(\), .*; now it is rloo\)"
    with pytest.raises(ValueError, match=of_rules):
        train([small(seed=1, estimator="rloo"), PAIR[1]], half, device="cpu")
    with pytest.raises(ValueError, match=r"\(run 1: seed is 2 there, now 3\)"):
        train([PAIR[0], PAIR[1].with_(seed=3)], half, device="cpu")


def test_checkpoint_of_another_rule_names_both(half: Path, finished: tuple[Path, Record]) -> None:
    path = half / "config.json"
    head = json.loads(json.dumps(from_json(path.read_bytes())).replace('"target": 1.0', '"target": 2.0'))
    path.write_bytes(to_json(head))
    other = [PAIR[0], PAIR[1].with_(parameters={"k": EntropyTargetK(2.0)})]
    left = r"the state was left by qae\(k=EntropyTargetK\(target=1.0.*; this run has qae\(k=EntropyTargetK\(target=2.0"
    with pytest.raises(ValueError, match=r"checkpoint.safetensors does not fit its run: " + left):
        train(other, half, device="cpu", bases=finished[0])


@pytest.mark.parametrize("keep", [0, 10, 2000, -8])
def test_cut_checkpoint_is_named(half: Path, keep: int) -> None:
    path = half / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"checkpoint.safetensors is no checkpoint of qae_sim, or it is cut short"):
        train(PAIR, half, device="cpu")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.999])
def test_flipped_weight_is_named(half: Path, share: float) -> None:
    from safetensors.torch import load

    path = half / "checkpoint.safetensors"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[int(share * len(whole))] ^= 1
    path.write_bytes(damaged)
    before, after = load(whole), load(bytes(damaged))
    (name,) = (name for name in before if not torch.equal(before[name], after[name]))
    with pytest.raises(ValueError, match=rf"checkpoint.safetensors is .*does not fit, first in {re.escape(name)}$"):
        train(PAIR, half, device="cpu")


def test_foreign_checkpoints_are_named(half: Path, finished: tuple[Path, Record]) -> None:
    from safetensors.torch import save_file

    path = half / "checkpoint.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="is no checkpoint of qae_sim"):
        train(PAIR, half, device="cpu", bases=finished[0])
    base = next(finished[0].glob("base-*.safetensors"))
    path.write_bytes(base.read_bytes())
    with pytest.raises(ValueError, match=r"does not fit its run: attention_norm must be torch.float32 of shape"):
        train(PAIR, half, device="cpu", bases=finished[0])


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the same shapes; its seeds alone are others."""
    folder = tmp_path_factory.mktemp("runs") / "another"
    train([config.with_(seed=config.seed + 10) for config in PAIR], folder, device="cpu")
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("metrics.jsonl", r"metrics.jsonl is damaged: line 1: its checksum does not fit: .*, or it belongs elsewhere$"),
        (
            "checkpoint.safetensors",
            r"checkpoint.safetensors is a checkpoint of another run than \S+config.json",
        ),
    ],
)
@pytest.mark.parametrize("state", ["stopped", "finished"])
def test_files_of_another_run_are_refused(
    name: str, message: str, state: str, half: Path, finished: tuple[Path, Record], another: Path, tmp_path: Path
) -> None:
    if state == "stopped":
        folder = half
    else:
        folder = tmp_path / "copy"
        shutil.copytree(finished[0], folder)
    (folder / name).write_bytes((another / name).read_bytes())
    with pytest.raises(ValueError, match=message):
        train(PAIR, folder, device="cpu", bases=finished[0])
    # Whoever only reads looks at the checkpoint only where lines are missing.
    if name == "metrics.jsonl" or state == "stopped":
        with pytest.raises(ValueError, match=message):
            read_run(folder)


def test_rows_of_another_run_without_checksums_are_refused(half: Path, another: Path) -> None:
    (half / "metrics.jsonl").write_text(unsealed((another / "metrics.jsonl").read_text()))
    with pytest.raises(ValueError, match=r"metrics.jsonl is damaged: line 1: it has no checksum"):
        read_run(half)


def unsealed(line: str) -> str:
    """A line as files had it before there were checksums."""
    return re.sub(r', "checksum": "sha256:[0-9a-f]{64}"', "", line)


def test_damaged_metrics_are_named(half: Path, finished: tuple[Path, Record]) -> None:
    path = half / "metrics.jsonl"
    rows = path.read_text().splitlines(keepends=True)
    for damaged, place in [
        ([rows[0], "{broken\n", *rows[2:]], "line 2: "),
        ([rows[0], *rows[2:]], "line 2: its checksum does not fit: it has changed, or lines before it are missing"),
        (rows[1:], "line 1: its checksum"),
        ([rows[0], rows[2], rows[1], rows[3]], "line 2: its checksum"),
        ([rows[0], rows[0], *rows[1:]], "line 2: its checksum"),
        ([*rows[:2], rows[2].replace("0", "1", 1), rows[3]], "line 3: its checksum"),
        ([rows[0], unsealed(rows[1]), *rows[2:]], "line 2: lines with and without checksums are mixed"),
        ([unsealed(rows[0]), *rows[1:]], "line 1: it has no checksum"),
    ]:
        path.write_text("".join(damaged))
        for reads in (lambda: read_run(half), lambda: train(PAIR, half, device="cpu", bases=finished[0])):
            with pytest.raises(ValueError, match=r"metrics.jsonl is damaged: " + place):
                reads()
    path.write_bytes(b"\xff\n" + "".join(rows[1:]).encode())
    with pytest.raises(ValueError, match=r"metrics.jsonl is damaged: line 1: "):
        read_run(half)
    path.write_text("".join(rows[:3]))
    for reads in (lambda: read_run(half), lambda: train(PAIR, half, device="cpu", bases=finished[0])):
        with pytest.raises(ValueError, match=r"has 3 of the 4 lines that checkpoint.safetensors requires"):
            reads()
    path.write_text("".join(rows[:4]) + rows[3][: len(rows[3]) // 2])  # a crash while writing: left out
    assert read_run(half)["reward"].shape[1] == 4


def test_a_finished_run_has_all_its_lines(finished: tuple[Path, Record], tmp_path: Path) -> None:
    folder = shutil.copytree(finished[0], tmp_path / "cut")
    path = folder / "metrics.jsonl"
    whole = path.read_text()
    for cut in (whole[:-1], whole[: whole.rindex("{")], ""):  # without its last newline the last row is not whole
        path.write_text(cut)
        for reads in (lambda: read_run(folder), lambda: train(PAIR, folder, device="cpu")):
            with pytest.raises(ValueError, match=r"metrics.jsonl has \d of the 7 lines that checkpoint"):
                reads()


def test_lines_are_on_disk_before_the_checkpoint_that_counts_them(
    finished: tuple[Path, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each checkpoint, the lines that have been synced by then are at least as many as it requires."""
    synced: list[int] = []
    seen: list[tuple[int, dict[str, Any]]] = []
    sync, save = os.fsync, train_module.save_tensors

    def fsync(handle: int) -> None:
        sync(handle)
        lines = tmp_path / "metrics.jsonl"
        if lines.exists() and os.fstat(handle).st_ino == lines.stat().st_ino:
            synced.append(lines.read_text().count("\n"))

    def save_tensors(path: Path, tensors: Any, about: dict[str, Any]) -> None:
        seen.append((synced[-1], about))
        save(path, tensors, about)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(train_module, "save_tensors", save_tensors)
    train(PAIR, tmp_path, device="cpu", bases=finished[0])
    assert [(lines, about["finished"]) for lines, about in seen] == [(2, False), (4, False), (6, False), (7, True)]


def test_files_from_before_checksums_are_read_and_get_them(finished: tuple[Path, Record], half: Path) -> None:
    from safetensors.torch import save_file

    for path in (half / "config.json", half / "metrics.jsonl"):
        path.write_text(re.sub(r',\s*"checksum": "sha256:[0-9a-f]{64}"', "", path.read_text()))
    checkpoint = half / "checkpoint.safetensors"
    tensors, about = load_tensors(checkpoint)
    del about["run"]
    save_file(tensors, checkpoint, {"about": json.dumps(about)})
    assert all(b"sha256" not in path.read_bytes() for path in half.glob("[cm]*"))
    assert read_run(half)["reward"].shape[1] == 4
    train(PAIR, half, device="cpu", bases=finished[0])
    rows = [[*read_rows(folder / LINES, 2, run=identity(folder))] for folder in (half, finished[0])]
    assert repr(rows[0]) == repr(rows[1])  # NaN equals none
    assert all(verify(line) for line in (half / LINES).read_bytes().splitlines()[:1])
    whole = load_tensors(finished[0] / "checkpoint.safetensors")[0]
    assert all(torch.equal(tensor, whole[name]) for name, tensor in load_tensors(checkpoint)[0].items())


@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_a_folder_has_one_writer_and_any_number_of_readers(half: Path, finished: tuple[Path, Record]) -> None:
    def meanwhile(what: str, share: float) -> None:
        if what == "training" and not seen:
            with pytest.raises(ValueError, match=rf"is being written by another process, {os.getpid()} on") as caught:
                train(PAIR, half, device="cpu", bases=finished[0])
            assert str(half) in str(caught.value)
            seen.append(len(read_run(half)))

    seen: list[int] = []
    train(PAIR, half, device="cpu", bases=finished[0], progress=meanwhile)
    assert seen == [2]
    same_files(finished[0], half)
    with one_writer(half):  # a finished run is only read
        train(PAIR, half, device="cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no configuration of a run, or damaged"),
        ("[]", "it does not say that it is a run of qae_sim"),
        ('{"format": "else"}', "it does not say that it is a run of qae_sim"),
        ('{"format": "qae_sim language model run", "format_version": 99}', "its layout is number 99"),
        ('{"format": "qae_sim language model run", "format_version": 1}', "damaged: 'runs'"),
    ],
)
def test_damaged_configuration_is_named(half: Path, content: str, message: str) -> None:
    (half / "config.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        train(PAIR, half, device="cpu")
    with pytest.raises(FileNotFoundError, match="holds no run: there is no config.json in it"):
        read_run(half / "nowhere")


# --- base models ---


def test_base_models_are_the_same_together_alone_and_from_disk(tmp_path: Path) -> None:
    configs = [small(base_seed=s) for s in (3, 3, 4)]
    together = warm_start(configs, "cpu", tmp_path)
    assert len(list(tmp_path.glob("base-*"))) == 2
    read = warm_start(configs, "cpu", tmp_path)
    alone = warm_start(configs[2:])
    for name, p in together.named_parameters():
        assert torch.equal(p, dict(read.named_parameters())[name])
    for name, values in together.member_state(2).items():
        torch.testing.assert_close(values, alone.member_state(0)[name], atol=2e-4, rtol=1e-3)
        assert torch.equal(together.member_state(0)[name], together.member_state(1)[name])
        assert not torch.equal(values, new_model(configs).member_state(2)[name])


def test_base_model_of_another_description_is_refused(tmp_path: Path) -> None:
    warm_start([small(base_seed=3)], "cpu", tmp_path)
    (path,) = tmp_path.glob("base-*")
    warm_start([small(base_seed=4)], "cpu", tmp_path)
    (other,) = set(tmp_path.glob("base-*")) - {path}
    other.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="holds another base model than its name says"):
        warm_start([small(base_seed=4)], "cpu", tmp_path)


def test_base_models_stop_at_their_target(tmp_path: Path) -> None:
    """After 16 steps they reach .014 and .017, after 32 .046 and .066."""
    given = [small(base_seed=s, base_demonstrations=2048, base_passes=6, base_target=0.015) for s in range(2)]
    assert "target" not in base_key(small())
    steps: list[float] = []
    model = warm_start(given, folder=tmp_path, progress=steps.append)
    assert len(steps) == 31  # not all 48: the last look was after the step whose share is not told
    assert (warmstart._pass_1(model, given) >= 0.015).all()
    # The second one has kept the weights with which it reached the target.
    alone = warm_start(given[1:], progress=steps.append)
    assert len(steps) == 31 + 15
    for name, tensor in alone.member_state(0).items():
        torch.testing.assert_close(model.member_state(1)[name], tensor, atol=1e-4, rtol=1e-4)


def test_verifier_options_do_not_change_the_base_model() -> None:
    from qae_sim.lm.warmstart import base_key

    learned, memorised = (Config("style", task_options={"truth": t}) for t in ("learned", "memorised"))
    assert base_key(learned) == base_key(memorised)
    prompts = learned.problem.problems(50, 0)
    np.testing.assert_array_equal(prompts, memorised.problem.problems(50, 0))
    np.testing.assert_array_equal(
        learned.problem.demonstrations(prompts, 1), memorised.problem.demonstrations(prompts, 1)
    )


def test_device_is_chosen() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="device must be one of 'auto', 'cpu', 'cuda'; got 'tpu'"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="PyTorch finds no CUDA device"):
            choose_device("cuda")


@pytest.mark.gpu
def test_resumed_run_on_cuda_ends_with_the_same_bits(tmp_path: Path) -> None:
    def stop(what: str, share: float) -> None:
        if what == "training" and share >= 0.5:
            raise StoppedError

    train(PAIR, tmp_path / "whole", device="cuda")
    with pytest.raises(StoppedError):
        train(PAIR, tmp_path / "stopped", device="cuda", bases=tmp_path / "whole", progress=stop)
    train(PAIR, tmp_path / "stopped", device="cuda", bases=tmp_path / "whole")
    same_files(tmp_path / "stopped", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.share(0.5)
@pytest.mark.parametrize("task", ["countdown", "paths"])
def test_base_model_can_do_more_than_it_usually_does(tmp_path: Path, task: str) -> None:
    config = Config(task, pass_at=8, held_out=160)
    passes = Trainer([config], warm_start([config], torch.device("cpu"), tmp_path)).evaluate()["pass_curve"][0]
    assert 0.1 < passes[0] < passes[-1] - 0.3


@pytest.mark.slow
def test_training_raises_pass_1_beyond_its_confidence_interval(tmp_path: Path) -> None:
    config = Config("style", base_passes=3, prompts=24, minibatches=12, batches=16, held_out=160, evaluate_every=16)
    record = train(config, tmp_path, device="cpu")
    before, after = record["pass_1"][0, [0, -1]]
    # Prompts differ in difficulty: at most 1/2 deviation each, so 1/(2 sqrt(n)) is more than a standard error.
    half = 1.96 * np.sqrt(2) * 0.5 / np.sqrt(config.held_out)
    assert before < 0.45
    assert record["pass_k"][0, 0] > before + 0.3  # the base model can do more than it usually does
    assert after > before + half
    assert json.loads((tmp_path / "config.json").read_text())["runs"][0]["task"] == "style"
