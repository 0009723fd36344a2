"""What is generated is up to date, each kind of damage is seen, and what can be repaired is."""

from __future__ import annotations

import io
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("anywidget")
pytest.importorskip("PIL")

from click.testing import CliRunner
from PIL import Image, ImageDraw, PngImagePlugin

from qae_sim.dev import pictures, texts
from qae_sim.dev.pictures import PICTURES
from qae_sim.dev.project import Project
from qae_sim.dev.regenerate import FILES, main, stale_files, stale_pictures, stale_texts
from qae_sim.dev.texts import TEXTS
from qae_sim.teaching.plans import NEEDS

ROOT = Path(__file__).parents[2]
COPIED = (
    "pyproject.toml",
    "qae_sim/__init__.py",
    "binder/constraints.txt",
    ".ci/run",
    *(f"notebooks/{lesson}.ipynb" for lesson in NEEDS),
    "tests/benchmarks/gpu.json",
    "qae_sim/dev/broken_runs.json",
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "qae_sim" / "speed").glob("*.json")),
    *(file for text in TEXTS for file in text.files),
    *(picture.path for picture in PICTURES),
    *(file.path for file in FILES),
)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with everything that is generated; the recorded runs are not judged again, which takes long."""
    stored = re.findall(
        r"^\| `(.*)` \| (.*) \| (.*) \| (.*) \|$", (ROOT / "tests/lm/findings.md").read_text(), re.MULTILINE
    )
    monkeypatch.setattr(texts, "_findings", lambda: tuple(stored))
    for name in dict.fromkeys(COPIED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(root: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*options, "--root", str(root)])
    return result.exit_code, result.output


def change(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text, f"{name} has no {old!r}"
    (root / name).write_text(text.replace(old, new))


def test_everything_fast_is_up_to_date() -> None:
    project = Project.of(ROOT)
    assert stale_texts(project, [text for text in TEXTS if not text.slow]) == []
    assert stale_pictures(project) == []
    assert stale_files(project) == []


def test_a_wrong_number_of_the_page_is_named_and_repaired(copy: Path) -> None:
    tables = "qae_sim/page/web/src/generated/tables.json"
    change(copy, tables, '"turn": 14.52', '"turn": 14.53')
    code, output = run(copy, "--check")
    assert code == 1
    assert f"STALE: {tables}: out of date" in output
    run(copy)
    # Not the same bytes: angles that are zero but for rounding hang on the processor.
    assert '"turn": 14.52' in (copy / tables).read_text()
    assert run(copy, "--check")[0] == 0
    (copy / tables).write_text("{")
    assert "the file is no JSON" in run(copy, "--check")[1]


def test_the_copy_is_up_to_date(copy: Path) -> None:
    assert run(copy, "--check") == (0, "everything is up to date\n")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a number in README": (
        lambda root: change(root, "README.md", "# 2.65 for", "# 2.66 for"),
        "README.md: out of date: example",
    ),
    "a verdict": (
        lambda root: change(root, "README.md", " certified, ", " certified or so, "),
        "README.md: out of date: claim counts",
    ),
    "a row of speed": (
        lambda root: change(root, "README.md", "`bench_import.py`", "`bench_export.py`"),
        "README.md: out of date: speed",
    ),
    "another pin": (
        lambda root: change(root, "binder/constraints.txt", "\ntorch==", "\ntorch==9"),
        "README.md: out of date: CPU build",
    ),
    "another oldest TRL": (
        lambda root: change(root, ".ci/run", "trl==1.0.0", "trl==1.2.3"),
        "qae_sim/site/pages/guides/trl.md: out of date: TRL versions",
    ),
    "another plan for teachers": (
        lambda root: change(root, "notebooks/00_index.ipynb", "45 minutes, 90 minutes and a week", "a lot of minutes"),
        "notebooks/00_index.ipynb: out of date: plans",
    ),
    "a new version": (
        lambda root: change(root, "qae_sim/__init__.py", '__version__ = "', '__version__ = "9'),
        "CITATION.cff: out of date: version",
    ),
    "a number in a lesson": (
        lambda root: change(root, "notebooks/15_misconceptions.ipynb", "74 %", "75 %"),
        "notebooks/15_misconceptions.ipynb: out of date: silent share",
    ),
    "a paragraph in a lesson": (
        lambda root: change(root, "notebooks/13_real_trainer.ipynb", "larger models may", "no other model may"),
        "notebooks/13_real_trainer.ipynb: out of date: TRL runs",
    ),
    "a term of the glossary": (
        lambda root: change(root, "notebooks/glossary.ipynb", "advantage is exactly 0", "advantage is 1"),
        "notebooks/glossary.ipynb: out of date",
    ),
    "a link that leads nowhere": (
        lambda root: change(
            root, "pyproject.toml", "# generated: project URLs\n", "# generated: project URLs\n[project.urls]\n"
        ),
        "pyproject.toml: out of date: project URLs",
    ),
    "a verdict of the recorded runs": (
        lambda root: change(root, "tests/lm/findings.md", "| replicated |", "| not replicated |"),
        "tests/lm/findings.md: out of date: findings",
    ),
}


def new_figures(root: Path) -> None:
    path = root / "qae_sim/speed/import.json"
    content = json.loads(path.read_text())
    content["machine"]["processor"] = "An abacus"
    path.write_text(json.dumps(content))


DAMAGE["figures measured anew"] = (new_figures, "README.md: out of date: speed")


@pytest.mark.share(0.4)
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_and_repaired(copy: Path, kind: str) -> None:
    damage, said = DAMAGE[kind]
    damage(copy)
    before = contents(copy)
    code, output = run(copy, "--check")
    assert code == 1
    assert f"STALE: {said}" in output
    assert contents(copy) == before  # --check writes nothing
    code, output = run(copy)
    assert (code, output.splitlines()) == (0, [f"written: {said}"])
    assert run(copy, "--check")[0] == 0


def test_damage_that_is_not_in_a_generated_text_stays(copy: Path) -> None:
    change(copy, "README.md", "## Two lines", "## A pair of lines")
    assert run(copy, "--check")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<!-- generated: speed -->", "", "no place for speed: its markers are missing"),
        ("<!-- generated: speed -->", "<!-- generated: sped -->", "nothing is known by the name of sped"),
    ],
)
def test_lost_places_cannot_be_repaired(copy: Path, old: str, new: str, said: str) -> None:
    change(copy, "README.md", old, new)
    for options in (("--check",), ()):
        code, output = run(copy, *options)
        assert code == 1
        assert f"STALE: README.md: {said}" in output


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "CITATION.cff").unlink()
    assert run(copy, "--check")[0] == 1
    assert "STALE: CITATION.cff: the file is missing; version belong there" in run(copy, "--check")[1]


# --- pictures ---


def painted(stored: bytes) -> bytes:
    """The picture with a stroke across it, everything else kept."""
    image = Image.open(io.BytesIO(stored))
    told = PngImagePlugin.PngInfo()
    for name in ("scene", "pixels"):
        told.add_text(name, image.info[name])
    image = image.convert("RGB")
    ImageDraw.Draw(image).line((0, 0, *image.size), fill="red", width=5)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=told)
    return file.getvalue()


def without_scene(stored: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(stored)).convert("RGB").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda stored: None, "the picture is missing"),
        (lambda stored: b"a picture", "the file is no picture"),
        (lambda stored: stored[: len(stored) // 2], "the file is no picture"),
        (without_scene, "the pixels are not those that were drawn"),
        (painted, "the pixels are not those that were drawn"),
    ],
)
def test_damaged_pictures(copy: Path, damage: Callable[[bytes], bytes | None], said: str) -> None:
    path = copy / PICTURES[1].path
    damaged = damage(path.read_bytes())
    path.unlink() if damaged is None else path.write_bytes(damaged)
    code, output = run(copy, "--check")
    assert code == 1
    assert f"STALE: {PICTURES[1].path}: {said}" in output
    assert run(copy)[0] == 0
    assert run(copy, "--check")[0] == 0


def test_five_rows_of_speed(copy: Path) -> None:
    """All rows are there once all benchmarks have written."""
    content = json.loads((copy / "qae_sim/speed/import.json").read_text())
    multiple = {
        f"ours, auto : {name}": {"GRPO, η = 0.5": ratio, "GRPO, η = 0.05": ratio / 5}
        for name, ratio in (("loop", 265.0), ("JAX scan", 6.61))
    }
    steps = {"TRL": {"times as fast as TRL": 1.0}, "ours": {"times as fast as TRL": 2.58}}
    steps["ours, 80 % without advantage"] = {"times as fast as TRL": 5.39}
    for name, tables in (
        ("bandits", {"Speed of ours, as a multiple": multiple}),
        ("lm", {"A step beside TRL's": steps}),
    ):
        (copy / f"qae_sim/speed/{name}.json").write_text(json.dumps(content | {"benchmark": name, "tables": tables}))
    run(copy)
    text = texts.speed(Project.of(copy))
    assert text in (copy / "README.md").read_text()
    assert len(re.findall(r"`bench_\w+\.py`", text)) == 5
    assert "53 to 265 times as fast as a Python loop over runs, 1.3 to 6.6 times as fast as a jitted JAX scan" in text
    assert "2.6 and 5.4 times as fast as TRL's" in text
    assert "NVIDIA H200 (`gpu.py`" in text
    assert len((copy / "README.md").read_bytes()) <= 10_000


def test_an_explorer_that_shows_something_else() -> None:
    stored = (ROOT / PICTURES[0].path).read_bytes()
    assert PICTURES[0].problem(stored) == ""
    assert (
        replace(PICTURES[0], state="view=group&k=0.4&g=16&c=4").problem(stored)
        == "the explorer shows something else now"
    )


def test_rounding_makes_no_other_picture() -> None:
    scene = json.loads(pictures._scene(PICTURES[1]._opened()))
    numbers = pictures.np.frombuffer(pictures.base64.b64decode(scene["data"]), pictures.np.float32)
    for factor, same in ((1 + 1e-6, True), (1 + 1e-3, False)):
        other = scene | {"data": pictures.base64.b64encode((numbers * pictures.np.float32(factor)).tobytes()).decode()}
        assert pictures._same(scene, other) is same


@pytest.mark.browser
def test_the_screenshot_can_be_taken() -> None:
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("needs Chromium")
    stored = Image.open(io.BytesIO((ROOT / PICTURES[0].path).read_bytes()))
    drawn = PICTURES[0].draw()
    assert PICTURES[0].problem(drawn) == ""
    # Fonts differ between machines, and with them the lines that words take.
    assert abs(Image.open(io.BytesIO(drawn)).size[1] - stored.size[1]) < 80


# --- the address ---


def test_with_an_address_there_are_links(copy: Path) -> None:
    before = contents(copy)
    change(copy, "pyproject.toml", f'repository = "{Project.of(copy).address.repository}"', 'repository = ""')
    run(copy)
    bare = contents(copy)
    readme = (copy / "README.md").read_text()
    assert "mybinder" not in readme
    assert "](.github/pictures/explorer.png)" in readme
    assert "urls" not in tomllib.loads((copy / "pyproject.toml").read_text())["project"]
    assert "repository-code" not in (copy / "CITATION.cff").read_text()

    change(copy, "pyproject.toml", 'repository = ""', 'repository = "https://github.com/owner/name"')
    code, output = run(copy, "--check")
    assert code == 1
    for said in (
        "README.md: out of date: badges, pictures",
        "pyproject.toml: out of date: project URLs",
        "CITATION.cff",
    ):
        assert f"STALE: {said}" in output
    assert run(copy)[0] == 0
    readme = (copy / "README.md").read_text()
    assert "(https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/notebooks/00_index.ipynb)" in readme
    assert "(https://colab.research.google.com/github/owner/name/blob/HEAD/notebooks/00_index.ipynb)" in readme
    assert "(https://owner.github.io/name/)" in readme
    assert "](https://github.com/owner/name/raw/HEAD/.github/pictures/explorer.png)" in readme
    assert len(readme.encode()) <= 10_000
    urls = tomllib.loads((copy / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Repository"] == "https://github.com/owner/name"  # what installed packages find their address by
    assert urls["Documentation"] == "https://owner.github.io/name/"
    assert urls["Changelog"] == "https://github.com/owner/name/blob/HEAD/CHANGELOG.md"
    assert 'repository-code: "https://github.com/owner/name"' in (copy / "CITATION.cff").read_text()

    change(copy, "pyproject.toml", 'repository = "https://github.com/owner/name"', 'repository = ""')
    run(copy)
    assert contents(copy) == bare
    if Project.of(ROOT).address.repository == "":
        assert bare == before


def test_without_a_checkout(tmp_path: Path) -> None:
    code, output = run(tmp_path)
    assert code == 1
    assert "is no checkout of the project" in output
