"""No damaged file is read as something else, and the command that says so sees one that is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from qae_sim.dev import damage
from qae_sim.dev.damage import WAYS, Kind, damaged, judge, main, make_kinds

COUNT = 100
NAMES = (
    *("checkpoint", "base model", "metrics of a finished run", "metrics of a stopped run", "configuration"),
    *("record", "sweep", "state"),
)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return make_kinds(tmp_path_factory.mktemp("kinds"))


def test_every_kind_is_damaged(kinds: dict[str, Kind]) -> None:
    assert tuple(kinds) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_refused_or_harmless(kinds: dict[str, Kind], name: str, cases_seed: str) -> None:
    whole = kinds[name].path.read_bytes()
    found = [judge(name, kinds[name], cases_seed, number) for number in range(COUNT)]
    assert not [one for one in found if one.failed], f"drawn by seed {cases_seed}"
    assert sum(one.verdict == "refused" for one in found) > 0.8 * COUNT
    assert kinds[name].path.read_bytes() == whole


def test_every_way_is_drawn_and_changes_something() -> None:
    content = "".join(f"line {i}\n" for i in range(200)).encode()
    found = [damaged(content, random.Random(i)) for i in range(200)]
    assert {way for way, _ in found} == set(WAYS)
    assert all(result != content for _, result in found)


def test_silent_and_unnamed_damage_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\n" * 100)

    def refuse() -> str:
        if path.read_bytes() != b"a\nb\n" * 100:
            raise ValueError("it is damaged")
        return ""

    silent, unnamed = Kind(path, lambda: repr(path.read_bytes())), Kind(path, refuse)
    monkeypatch.setattr(damage, "make_kinds", lambda folder: {"silent": silent, "unnamed": unnamed})
    result = CliRunner().invoke(main, ["--count", "3"])
    assert result.exit_code == 1
    for name in ("silent", "unnamed"):
        assert {judge(name, {"silent": silent, "unnamed": unnamed}[name], "0", i).verdict for i in range(3)} == {name}
        assert f"again: --seed 0 --kind '{name}' --number 2" in result.stderr
    one = CliRunner().invoke(main, ["--kind", "silent", "--number", "2"])
    assert f"{judge('silent', silent, '0', 2).way}: silent" in one.stdout
    assert "--kind must be one of silent, unnamed; got x" in CliRunner().invoke(main, ["--kind", "x"]).output
