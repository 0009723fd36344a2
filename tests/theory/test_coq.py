"""The theorems that Coq checks: one for each claim of the table, with no more axioms than it says."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from qae_sim.cli import main as command
from qae_sim.theory import Tier, Truth, Verdict, all_claims
from qae_sim.theory.coq import (
    FOLDER,
    CoqMissingError,
    CoqNotCompiledError,
    CoqRejectedError,
    check,
    machine_checked,
    not_recorded,
    record,
    theorems,
)
from qae_sim.theory.coq.__main__ import main

FILES = sorted(FOLDER.glob("*.v"))
TABLE = theorems()
#: The standard library's real numbers rest on these.
CLASSICAL = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}

#: A file with one theorem that needs no axiom, and its table.
PROOF = "Theorem a_b : 1 + 1 = 2.\nProof. reflexivity. Qed.\n"
ROW = 'files = ["one.v"]\n[axioms]\n[theorems]\n"a.b" = { file = "one.v", axioms = [] }\n'


def written(folder: Path, proof: str) -> Path:
    (folder / "one.v").write_text(proof)
    (folder / "theorems.toml").write_text(ROW)
    return folder


class TestTable:
    def test_there_are_enough(self) -> None:
        assert len(TABLE) >= 25

    def test_every_theorem_belongs_to_a_claim(self) -> None:
        claims = all_claims()
        assert not set(TABLE) - set(claims)
        for id, theorem in TABLE.items():
            assert theorem.refutes == (claims[id].expected is Verdict.REFUTED), id

    def test_the_table_has_every_theorem_of_every_file(self) -> None:
        found = {(path, name) for path in FILES for name in re.findall(r"^\s*Theorem (\w+)", path.read_text(), re.M)}
        assert found == {(theorem.path, theorem.name) for theorem in TABLE.values()}

    def test_axioms_are_those_of_real_numbers(self) -> None:
        assert set().union(*(theorem.axioms for theorem in TABLE.values())) <= CLASSICAL

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_nothing_is_assumed_without_a_proof(self, path: Path) -> None:
        words = re.sub(r"\(\*.*?\*\)", "", path.read_text(), flags=re.S)
        assert not re.search(r"\b(Admitted|admit|Axioms?|Parameters?|Conjecture)\b", words)

    @pytest.mark.parametrize("id", TABLE)
    def test_a_statement_ends_before_its_proof(self, id: str) -> None:
        statement = TABLE[id].statement
        assert statement.endswith(".")
        assert "Proof" not in statement

    @pytest.mark.parametrize("id", TABLE)
    def test_a_comment_says_it_in_words(self, id: str) -> None:
        words = TABLE[id].words
        assert words[0].isupper()
        assert words.endswith(".")
        assert len(words) > 40

    @pytest.mark.parametrize("id", TABLE)
    def test_the_context_has_every_hypothesis_of_the_sections_around(self, id: str) -> None:
        """What stands between the beginning of a section that is still open and the theorem."""
        theorem = TABLE[id]
        before = theorem.path.read_text().partition(theorem.statement)[0]
        for name in re.findall(r"^Section (\w+)", before, re.M):
            before = re.sub(rf"^Section {name}\..*?^End {name}\.", "", before, flags=re.M | re.S)
        for line in re.findall(r"^(?:Context|Variables?|Hypothesis|Let) .*", before, re.M):
            assert line in theorem.context
        assert theorem.context.count("Hypothesis") == len(re.findall("^Hypothesis", before, re.M))


class TestMachineChecked:
    """A theorem is evidence only while its file is the one that was compiled."""

    def test_every_file_is_recorded(self) -> None:
        assert not_recorded() == []

    def test_evidence(self) -> None:
        assert machine_checked("qae.eq4").holds is Truth.YES
        refuted = machine_checked("ha-dw.theorem1-own-reward")
        assert (refuted.holds, refuted.tier) == (Truth.NO, Tier.PROVED)
        assert refuted.counterexample

    def test_no_theorem(self) -> None:
        with pytest.raises(ValueError, match="claim must be the identifier of a claim with a theorem"):
            machine_checked("qae.accuracy")

    def test_a_changed_file(self, tmp_path: Path) -> None:
        folder = tmp_path / "changed"
        shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "policies.v"
        path.write_text(path.read_text(encoding="utf-8") + "\n")
        assert machine_checked("qae.eq4", folder).holds is Truth.YES  # its file is compiled earlier
        for id in ("qae.linear-knob", "ha-dw.theorem1"):  # mixed_groups.v may rest on policies.v
            with pytest.raises(CoqNotCompiledError, match=r"policies\.v is not the file that Coq has compiled"):
                machine_checked(id, folder)

    def test_verify_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("qae_sim.theory.coq._compiled", lambda folder: {})
        done = CliRunner().invoke(command, ["verify", "--claim", "qae.eq4"])
        assert done.exit_code == 1
        assert "python -m qae_sim.theory.coq --record" in done.output

    def test_the_record(self, tmp_path: Path) -> None:
        folder = written(tmp_path, PROOF)
        assert not_recorded(folder) == ["one.v"]
        record(folder)
        digest = hashlib.sha256(PROOF.encode()).hexdigest()
        assert f'"one.v" = "{digest}"' in (folder / "compiled.toml").read_text()


class TestMissing:
    def test_coq(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(CoqMissingError, match="apt-get install coq"):
            check()
        assert main() == 1
        assert "there is no command coqc" in capsys.readouterr().err

    def test_coquelicot(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        command = tmp_path / "coqc"
        command.write_text(
            "#!/bin/sh\necho 'Error: Cannot find a physical path bound to logical path Coquelicot with prefix "
            "Coquelicot.' >&2\nexit 1\n"
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with pytest.raises(CoqMissingError, match="libcoq-coquelicot"):
            check(written(tmp_path, PROOF))


@pytest.mark.coq
@pytest.mark.skipif(shutil.which("coqc") is None, reason="needs Coq")
class TestWithCoq:
    def test_a_proof(self, tmp_path: Path) -> None:
        (outcome,) = check(written(tmp_path, PROOF))
        assert outcome.as_expected
        assert not outcome.axioms

    def test_a_wrong_theorem(self, tmp_path: Path) -> None:
        with pytest.raises(CoqRejectedError, match=r"one\.v"):
            check(written(tmp_path, PROOF.replace("= 2", "= 3")))

    def test_a_theorem_without_proof(self, tmp_path: Path) -> None:
        (outcome,) = check(written(tmp_path, PROOF.replace("reflexivity. Qed", "Admitted")))
        assert not outcome.as_expected
        assert {name.rpartition(".")[2] for name in outcome.axioms} == {"a_b"}

    def test_a_theorem_from_a_lemma_without_proof(self, tmp_path: Path) -> None:
        proof = "Lemma l : 1 + 1 = 2.\nProof. Admitted.\n" + PROOF.replace("reflexivity", "apply l")
        assert not check(written(tmp_path, proof))[0].as_expected

    @pytest.mark.slow
    @pytest.mark.stage
    def test_all_theorems(self) -> None:
        outcomes = check()
        assert [outcome.theorem for outcome in outcomes] == list(TABLE.values())
        assert all(outcome.as_expected for outcome in outcomes)
