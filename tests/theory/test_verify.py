"""Reports, their JSON, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

import qae_sim.theory.registry as registry_module
from qae_sim.cli import main
from qae_sim.theory import Verdict, all_claims, broken, verify

SOME = ("qae.eq4", "ha-dw.theorem1-own-reward", "qae.finite-step-low", "entropy.law")


class TestReport:
    def test_order_and_callback(self) -> None:
        seen: list[str] = []
        report = verify(SOME, quick=True, on_result=lambda result: seen.append(result.claim.id))
        assert tuple(seen) == SOME == tuple(result.claim.id for result in report.results)
        assert report.differences == ()
        assert report["qae.eq4"].outcome.verdict is Verdict.CERTIFIED
        assert report.count(Verdict.REFUTED) == 1
        with pytest.raises(KeyError):
            report["qae.prop4.1"]

    def test_unknown_claim(self) -> None:
        with pytest.raises(ValueError, match=r"identifier of a claim such as .*qae\.eq4.*got 'qae.eq'"):
            verify(["qae.eq"])
        with pytest.raises(ValueError, match="claim must be the identifier"):
            broken("?")

    def test_an_error_names_its_claim(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def check(quick: bool) -> Any:
            raise ZeroDivisionError

        pretend(monkeypatch, "qae.eq4", check=check)
        with pytest.raises(ZeroDivisionError) as error:
            verify(["qae.eq4"])
        assert error.value.__notes__ == ["in the check of the claim qae.eq4"]

    def test_json_has_everything(self) -> None:
        content = json.loads(verify(SOME, quick=True).to_json())
        assert content["quick"] is True
        for entry in content["claims"]:
            assert {
                "id",
                "paper",
                "statement",
                "origin",
                "tier",
                "verdict",
                "assumptions",
                "method",
                "evidence",
                "seconds",
            } <= set(entry)
        refuted = content["claims"][1]
        assert refuted["verdict"] == "refuted"
        assert refuted["counterexample"]["g"] == 3
        assert refuted["evidence"][0]["figures"]["E[A - A_hat | S, own reward 1], G = 8"]["0.1"] == 0.11249992124999213

    def test_broken(self) -> None:
        turned = broken("qae.eq4")
        assert [outcome.verdict for _, outcome in turned] == [Verdict.REFUTED, Verdict.DIFFERS]


def pretend(monkeypatch: pytest.MonkeyPatch, id: str, **fields: Any) -> None:
    """Change a claim of the registry."""
    claims = dict(all_claims())
    monkeypatch.setattr(registry_module.REGISTRY, "claims", claims | {id: replace(claims[id], **fields)})
    if "check" in fields:
        fields["check"].__module__ = claims[id].check.__module__


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["verify", *arguments])


class TestCommand:
    def test_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        result = run("--quick")
        assert result.exit_code == 0, result.output
        for id in all_claims():
            assert id in result.output
        assert "all as expected" in result.output
        assert max(map(cell_len, result.output.splitlines()[:-1])) <= 100  # the hat of p̂ takes no place of its own

    def test_one_claim_in_full(self) -> None:
        result = run("--quick", "--claim", "qae.finite-step-low", "--breaks")
        text = " ".join(result.output.split())
        assert result.exit_code == 0
        for part in ("conditional", "Holds if: q >= 1/2", "pi = [0.49, 0.51]", "Changed: a region 1.2 times as large",
                     "Assumes: the paper's update"):  # fmt: skip
            assert part in text

    def test_json(self) -> None:
        result = run("--quick", "--json", "--claim", "qae.eq4", "--claim", "qae.eq5")
        assert result.exit_code == 0
        assert [entry["id"] for entry in json.loads(result.stdout)["claims"]] == ["qae.eq4", "qae.eq5"]

    def test_a_difference_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pretend(monkeypatch, "qae.eq4", expected=Verdict.REFUTED)
        for arguments in (("--claim", "qae.eq4"), ("--claim", "qae.eq4", "--json")):
            result = run("--quick", *arguments)
            assert result.exit_code == 1
        assert (
            "DIFFERENT: qae.eq4 is certified (proved for all values), expected refuted"
            in run("--quick", "--claim", "qae.eq4").output
        )

    def test_list(self) -> None:
        result = run("--list")
        assert result.exit_code == 0
        assert all(id in result.output for id in all_claims())

    def test_errors(self) -> None:
        unknown = run("--claim", "qae.eq44")
        assert unknown.exit_code == 2
        assert "qae.eq4" in unknown.output
        assert run("--breaks").exit_code == 2

    def test_interrupt_shows_what_is_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(quick: bool) -> Any:
            raise KeyboardInterrupt

        first, second, *_ = all_claims()
        pretend(monkeypatch, second, check=interrupted)
        result = run("--quick")
        assert result.exit_code == 130
        assert first in result.output
        assert "Interrupted after 1 of" in result.output

    def test_without_flint(self) -> None:
        code = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "flint":
            raise ModuleNotFoundError("No module named 'flint'", name="flint")
sys.meta_path.insert(0, Blocker())
from qae_sim.cli import main
main(["verify", "--quick"])
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "pip install 'qae_sim[lab]'" in done.stderr
