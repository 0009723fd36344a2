"""One file for a result: the same bits back, and a clear word about every other file."""

from __future__ import annotations

import builtins
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bandit_studies import GENERAL, STATE, general

from qae_sim.bandits import Bandit, Result, Study, simulate


def assert_equal(one: Result, other: Result) -> None:
    assert one.study == other.study
    assert (one.runs, one.version) == (other.runs, other.version)
    assert np.array_equal(one.steps, other.steps)
    assert list(one.records) == list(other.records)
    for name, record in one.records.items():
        assert record.tobytes() == other.records[name].tobytes()
    assert one.parameters.tobytes() == other.parameters.tobytes()


@pytest.fixture
def result() -> Result:
    # correct_entropy is nan here, which must survive, too
    return simulate(Study(Bandit.uniform(4, 0), steps=6, runs=3, every=2, records=STATE))


class TestFile:
    @pytest.mark.parametrize("name", GENERAL)
    def test_round_trip(self, name: str, tmp_path: Path) -> None:
        result = simulate(general(name), range(1, 4))
        result.save(tmp_path / "any name")
        assert_equal(Result.load(tmp_path / "any name"), result)
        assert [path.name for path in tmp_path.iterdir()] == ["any name"]

    def test_nan_survives(self, result: Result, tmp_path: Path) -> None:
        assert np.isnan(result["correct_entropy"]).all()
        result.save(tmp_path / "r.npz")
        assert_equal(Result.load(tmp_path / "r.npz"), result)

    def test_it_is_an_archive_of_plain_arrays(self, result: Result, tmp_path: Path) -> None:
        result.save(tmp_path / "r.npz")
        with np.load(tmp_path / "r.npz", allow_pickle=False) as archive:
            assert sorted(archive.files) == sorted(["about", "parameters", *(f"record.{name}" for name in STATE)])
            assert json.loads(str(archive["about"]))["study"] == result.study.to_dict()

    def test_every_cut_is_noticed(self, result: Result, tmp_path: Path) -> None:
        result.save(tmp_path / "r.npz")
        whole = (tmp_path / "r.npz").read_bytes()
        for length in [*range(0, len(whole), 37), len(whole) - 1]:
            (tmp_path / "cut.npz").write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"cut.npz is not a result that qae_sim can read: "):
                Result.load(tmp_path / "cut.npz")

    def test_a_flipped_bit_is_noticed(self, result: Result, tmp_path: Path) -> None:
        result.save(tmp_path / "r.npz")
        whole = (tmp_path / "r.npz").read_bytes()
        for position in range(0, len(whole), 3):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << position % 8
            (tmp_path / "bit.npz").write_bytes(damaged)
            with pytest.raises(ValueError, match="bit.npz is not a result that qae_sim can read"):
                Result.load(tmp_path / "bit.npz")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": "somebody else's"}, 'it holds "somebody else\'s"'),
            ({"format_version": 2}, "its layout is number 2, this version of qae_sim reads 1; update qae_sim"),
            ({"study": {"problem": {"kind": "Quiz"}}}, "its parts do not fit"),
            ({"runs": [0, 9]}, "must be of shape"),
            ({"runs": "all"}, "its parts do not fit"),
        ],
    )
    def test_other_content(self, result: Result, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        result.save(tmp_path / "r.npz")
        with np.load(tmp_path / "r.npz") as archive:
            arrays = dict(archive)
        about = json.loads(str(arrays["about"])) | change
        np.savez(tmp_path / "r.npz", **(arrays | {"about": np.array(json.dumps(about))}))
        with pytest.raises(ValueError, match=message):
            Result.load(tmp_path / "r.npz")

    def test_other_files(self, result: Result, tmp_path: Path) -> None:
        path = tmp_path / "other"
        for content, message in (
            (b"", "no archive"),
            (b"hello, world", "no archive"),
            (b"PK\x03\x04zzzz", "cut short"),
        ):
            path.write_bytes(content)
            with pytest.raises(ValueError, match=message):
                Result.load(path)
        np.savez(path.with_suffix(".npz"), x=np.arange(3))
        with pytest.raises(ValueError, match="it does not say what it holds"):
            Result.load(path.with_suffix(".npz"))
        np.savez(path.with_suffix(".npz"), about=np.array({"a": 1}, dtype=object))
        with pytest.raises(ValueError, match="cut short or damaged"):
            Result.load(path.with_suffix(".npz"))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("letter.txt", "dear reader")
        with pytest.raises(ValueError, match="is not a result"):
            Result.load(path)
        with pytest.raises(FileNotFoundError):
            Result.load(tmp_path / "nowhere")

    def test_a_missing_record(self, result: Result, tmp_path: Path) -> None:
        result.save(tmp_path / "r.npz")
        with np.load(tmp_path / "r.npz") as archive:
            arrays = dict(archive)
        del arrays["record.success"]
        np.savez(tmp_path / "r.npz", **arrays)
        with pytest.raises(ValueError, match="record.success"):
            Result.load(tmp_path / "r.npz")

    def test_a_failure_leaves_the_old_file_and_no_litter(
        self, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "r.npz"
        path.write_bytes(b"old")

        def disk_full(file: io.BufferedWriter, **arrays: Any) -> None:
            file.write(b"half a fi")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "savez", disk_full)
        with pytest.raises(OSError, match="No space left"):
            result.save(path)
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["r.npz"]  # noqa: PTH208

    def test_the_file_appears_in_one_move(
        self, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A kill between writing and moving leaves the old file whole: until the move, its name is not touched."""
        path = tmp_path / "r.npz"
        path.write_bytes(b"old")

        def killed(part: Path, target: Path) -> None:
            assert path.read_bytes() == b"old"
            assert Result.load(part).study == result.study
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            result.save(path)
        assert path.read_bytes() == b"old"


class TestTable:
    def test_has_a_row_for_each_step_and_run(self) -> None:
        result = simulate(Study(Bandit.uniform(6, 2), steps=6, runs=3, every=2), range(5, 8))
        table = result.to_pandas()
        assert table.index.names == ["step", "run"]
        assert table.loc[(4, 6), "entropy"] == result["entropy"][2, 1]
        assert len(table) == 9
        assert table["success"].unstack().to_numpy().tolist() == result["success"].tolist()

    def test_without_pandas_says_what_to_install(self, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
        original = builtins.__import__

        def without(name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "pandas":
                raise ModuleNotFoundError(name)
            return original(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'qae_sim\[lab\]'"):
            result.to_pandas()


class TestAccess:
    def test_unknown_record(self, result: Result) -> None:
        with pytest.raises(KeyError, match="'anchor' was not recorded; there are entropy"):
            result["anchor"]

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("steps", np.arange(3), r"steps must be 0, 2, ... below 6"),
            ("records", {}, "records must be those of the study"),
            ("parameters", np.zeros((1, 4, 2)), r"parameters must be of shape \(1, 4, 3\), float64"),
        ],
    )
    def test_parts_that_do_not_fit(self, result: Result, field: str, value: Any, message: str) -> None:
        parts = {name: getattr(result, name) for name in vars(result)}
        with pytest.raises(ValueError, match=message):
            Result(**(parts | {field: value}))
