"""Every word of the lessons is introduced before it is used, has one meaning, and has no second name."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lessons import NOTEBOOKS

pytest.importorskip("anywidget")

from qae_sim.explorers.glossary import GLOSSARY, PAGE, GlossaryTerm, look_up
from qae_sim.explorers.predictions import PREDICTIONS
from qae_sim.page.tables import PLACES
from qae_sim.site.lessons import markdown

CORE = [path for path in NOTEBOOKS if re.match("0[1-8]_", path.name)]
ELECTIVES = [path for path in NOTEBOOKS if re.match("09_|1[0-9]_", path.name)]
PACKAGE = Path(__file__).parents[2] / "qae_sim"

#: What is no use of a word: code, formulas, titles, links to lessons, and a method's name written out.
NO_USE = re.compile(
    r"(?m)^    .*$|`[^`]*`|\$[^$]*\$|<!--.*?-->|\[[^\]]*\]\(\d\d_[^)]*\)|^#+ .*$"
    r"|\(\*group relative policy optimization\*\)"
)
LINK = re.compile(r"\[([^\]]*)\]\(glossary\.ipynb#([^)\s]+)\)")

#: Where a word that is a second name elsewhere means something else.
ALLOWED = {
    r"(?m)^## .*$": "headings quote what people ask and say",
    r"\[[^\]]*\]\(\d\d_[^)]*\)": "titles of lessons",
    r"# Questions people ask|The question is its": "questions to readers",
    r"[Qq]uestions?(?= is answered| \| | of the trial|;|, with|\. On)|^Question$": "the trial's and the index's",
    r"(?m)(?:is one|Each|put your|no) answer|\banswer = .*|The answer is a study": "answers of readers, and to them",
    r"\bis answered\b": "questions are, and not prompts",
    r"A solution(?=<)": "a solution of an exercise",
    r"[Rr]ight(?:: | pictures?\b| of 0\b)|(?:on|from|at|to|On) the right\b|left to right": "where something is drawn",
    r"(?:Flat|proof|claim|baseline|all) is right\b|always right|\bRight(?:,| in all)|gives the right": (
        "said of answers, of proofs and of verifiers"
    ),
    r"Style and answer": "a task's name",
    r"p-values?": "that of a test",
}


def reading(path: Path) -> Iterator[tuple[str, bool]]:
    """What a reader reads, in order: prose (True), and what predictions ask (False)."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield NO_USE.sub("", source), True
        else:
            for name in re.findall(r'Predict\("([\w-]+)"', source):
                if name not in ("trainer-1", "silenced-1"):  # they are about the runs of their lesson
                    yield str(PREDICTIONS[name]()), False


def first_use(term: GlossaryTerm, texts: list[tuple[str, bool]]) -> str:
    """What is wrong where a word is first used; "unused", or empty if it is linked there."""
    for text, prose in texts:
        if found := term.pattern.search(text):
            if not prose:
                return f"a question uses it first: {text[:60]}"
            linked = [link for link in LINK.finditer(text) if link.start() <= found.start() < link.end()]
            if [link.group(2) for link in linked] == [term.anchor]:
                return ""
            return f"no link: {' '.join(text[max(0, found.start() - 30) : found.end() + 30].split())}"
    return "unused"


@pytest.mark.parametrize("term", [t for t in GLOSSARY.values() if t.lesson in {path.stem for path in CORE}], ids=str)
def test_a_word_of_the_core_is_introduced_where_it_is_first_used(term: GlossaryTerm) -> None:
    for path in CORE:
        found = first_use(term, list(reading(path)))
        if found != "unused":
            assert (path.stem, found) == (term.lesson, "")
            return
    pytest.fail("no lesson uses it")


@pytest.mark.parametrize("path", ELECTIVES, ids=lambda path: path.stem)
def test_an_elective_links_the_words_that_the_core_does_not_introduce(path: Path) -> None:
    core = {lesson.stem for lesson in CORE}
    wrong = {}
    for term in GLOSSARY.values():
        if term.lesson not in core:
            found = first_use(term, list(reading(path)))
            if found not in ("", "unused"):
                wrong[term.name] = found
            assert found == "unused" or term.lesson <= path.stem, f"{term.name} is introduced later, in {term.lesson}"
            assert found != "unused" or term.lesson != path.stem, f"{term.name} is not used where it is introduced"
    assert wrong == {}


def texts_of_explorers() -> Iterator[tuple[str, str]]:
    """Everything that explorers may say, sentences and labels: strings that are no documentation and no key."""
    for path in sorted([*(PACKAGE / "explorers").rglob("*.py"), *(PACKAGE / "pictures").rglob("*.py")]):
        if path.name in ("__init__.py", "glossary.py"):  # names, and the words themselves
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documentation:
                continue
            if " " in node.value or node.value[:1].isupper():
                yield f"{path.name}:{node.lineno}", node.value


#: Prints what stands between tags and in strings of the flagship's scenes, by place.
SCENES_TEXTS = """
const ts = require("typescript"), fs = require("fs"), found = [];
const kinds = [ts.isJsxText, ts.isStringLiteralLike, ts.isTemplateHead, ts.isTemplateMiddle, ts.isTemplateTail];
for (const name of process.argv.slice(1)) {
  const text = fs.readFileSync(name, "utf8");
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const look = (node) => {
    const said = kinds.some((is) => is(node)) && / |^[A-Z]/.test(node.text.trim());
    if (said) found.push([`${name}:${file.getLineAndCharacterOfPosition(node.pos).line}`, node.text]);
    ts.forEachChild(node, look);
  };
  look(file);
}
process.stdout.write(JSON.stringify(found));
"""


def texts_of_flagship() -> Iterator[tuple[str, str]]:
    """Everything that the flagship's scenes may say, in every state, and the texts of its tables."""
    web = PACKAGE / "page" / "web"
    if shutil.which("node") is None or not (web / "node_modules").is_dir():
        pytest.skip("needs Node, and `npm ci` in qae_sim/page/web")
    files = [*sorted((web / "src" / "scenes").glob("*.tsx")), web / "src" / "arrows.ts"]
    command = ["node", "-e", SCENES_TEXTS, *(str(path.relative_to(web)) for path in files)]
    found = json.loads(subprocess.run(command, cwd=web, capture_output=True, text=True, check=True).stdout)
    assert len(found) > 100
    yield from (tuple(row) for row in found)
    yield from (("tables.py", text) for text in PLACES.values())


def texts_of_lessons() -> Iterator[tuple[str, str]]:
    """The prose of all lessons; the teachers' page is for others."""
    for path in NOTEBOOKS:
        if re.match(r"\d\d_", path.name):
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "markdown":
                    yield f"{path.stem}, cell {cell['id']}", "".join(cell["source"])


def second_names(text: str, *, leaving_out: str = "") -> list[str]:
    """Words of a text that are a second name for a term, with all exceptions but one."""
    plain = re.sub(r"`[^`]*`|<!--.*?-->", "", text)
    for allowed in ALLOWED:
        if allowed != leaving_out:
            plain = re.sub(allowed, "", plain)
    plain = " ".join(plain.split())
    return [
        f"{found.group()} ({term.name}): {plain[max(0, found.start() - 30) : found.end() + 30]}"
        for term in GLOSSARY.values()
        for word in term.never
        for found in re.finditer(rf"(?<![\w-]){word}(?![\w-])", plain, re.IGNORECASE)
    ]


@pytest.mark.parametrize("texts", [texts_of_lessons, texts_of_explorers, texts_of_flagship])
def test_no_word_has_a_second_name(texts: object) -> None:
    assert [(where, found) for where, text in texts() for found in second_names(text)] == []  # type: ignore[operator]


def test_links_lead_to_terms() -> None:
    anchors = {term.anchor for term in GLOSSARY.values()}
    page = markdown("".join(text for _, text in texts_of_glossary()))
    for path in NOTEBOOKS:
        for _, anchor in LINK.findall(path.read_text(encoding="utf-8")):
            assert anchor in anchors, f"{path.stem}: {anchor}"
            assert f' id="{anchor}"' in page


def texts_of_glossary() -> Iterator[tuple[str, str]]:
    (path,) = [path for path in NOTEBOOKS if path.name == PAGE]
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            yield cell["id"], "".join(cell["source"]) + "\n\n"


@pytest.mark.parametrize("allowed", ALLOWED)
def test_every_exception_is_needed(allowed: str) -> None:
    assert any(
        re.search(allowed, text) and second_names(text, leaving_out=allowed)
        for texts in (texts_of_lessons, texts_of_explorers, texts_of_flagship)
        for _, text in texts()
    )


def test_what_is_wrong_is_found() -> None:
    """The checks themselves."""
    silent = look_up("silent")
    assert first_use(silent, [("It falls silent.", True)]).startswith("no link")
    assert first_use(silent, [("It falls [**silent**](glossary.ipynb#silent).", True)]) == ""
    assert first_use(silent, [("It is [silent](glossary.ipynb#reward).", True)]).startswith("no link")
    assert first_use(silent, [("Who is silent?", False)]).startswith("a question")
    assert first_use(silent, [("Nobody.", True)]) == "unused"
    assert [found.split(":")[0] for found in second_names("The answers to a query are incorrect.")] == [
        "query (prompt)",
        "answers (response)",
        "incorrect (correct)",
    ]
    with pytest.raises(ValueError, match="name must be one of prompt, "):
        look_up("reference point")
