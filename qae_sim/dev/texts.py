"""All generated texts: the name of each, the files that show it, and the function that makes it."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial

from qae_sim.dev import lesson_texts
from qae_sim.dev.broken_runs import BROKEN
from qae_sim.dev.project import Project
from qae_sim.speed import Measurement, markdown, measurements, number
from qae_sim.teaching.material import read_lesson
from qae_sim.teaching.plans import ALL, PLANS


@dataclass(frozen=True)
class Text:
    """A generated text.

    Attributes:
        name: Its name in the markers.
        files: Files that show it, from the root of the checkout.
        make: Makes the text for a checkout.
        slow: Whether making it takes more than a second or two.
    """

    name: str
    files: tuple[str, ...]
    make: Callable[[Project], str]
    slow: bool = False


def _words(value: float, digits: int, sign: bool = False) -> str:
    """Write a number as the lessons do: without a 0 before the point, with a real minus sign."""
    text = f"{abs(value):.{digits}f}".removeprefix("0" if abs(value) < 1 else "")
    return ("−" if value < 0 else "+" if sign else "") + text


# --- the address ------------------------------------------------------------------------------------------------------


def badges(project: Project) -> str:
    """Write badges of Binder, Colab and the site, if there is an address."""
    address, index = project.address, "notebooks/00_index.ipynb"
    links = {
        "Binder": (address.binder(index), "https://mybinder.org/badge_logo.svg"),
        "Colab": (address.colab(index), "https://colab.research.google.com/assets/colab-badge.svg"),
        "Site": (address.site, "https://img.shields.io/badge/site-read-blue"),
    }
    return "\n".join(f"[![{name}]({picture})]({link})" for name, (link, picture) in links.items() if link)


def pictures(project: Project) -> str:
    """Write links to the two pictures: absolute if there is an address, because package indexes show README, too."""
    from qae_sim.dev.pictures import PICTURES

    start = f"{project.address.repository}/raw/HEAD/" if project.address else ""
    return "\n\n".join(f"![{picture.alt}]({start}{picture.path})" for picture in PICTURES)


def project_urls(project: Project) -> str:
    """Write the project's links for package indexes."""
    address = project.address
    if not address:
        return ""
    links = {
        "Repository": address.repository,
        "Documentation": address.site,
        "Changelog": address.source("CHANGELOG.md"),
        "Issues": f"{address.repository}/issues",
    }
    return "\n".join(["[project.urls]", *(f'{name} = "{link}"' for name, link in links.items() if link)])


def citation(project: Project) -> str:
    """Write version and address for citations."""
    lines = [f"version: {project.version}"]
    if project.address:
        lines.append(f'repository-code: "{project.address.repository}"')
    return "\n".join(lines)


# --- README -----------------------------------------------------------------------------------------------------------


def oldest_python(project: Project) -> str:
    """Write the oldest Python that the package supports."""
    settings = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    return str(settings["project"]["requires-python"]).removeprefix(">=")


def _pin(project: Project, package: str) -> str:
    """Read the pinned version of a package."""
    pins = (project.root / "binder" / "constraints.txt").read_text(encoding="utf-8")
    (version,) = re.findall(rf"(?m)^{package}==(\S+)", pins)
    return str(version)


def cpu_build(project: Project) -> str:
    """Write the command that installs the pinned PyTorch without CUDA."""
    return (
        f"`.venv/bin/python -m pip install torch=={_pin(project, 'torch')} "
        "--index-url https://download.pytorch.org/whl/cpu`"
    )


def trl_versions(project: Project) -> str:
    """Write the versions of TRL that continuous integration tests: the oldest, and the pinned one."""
    (oldest,) = re.findall(r"--target \S+ trl==(\S+)", (project.root / ".ci" / "run").read_text(encoding="utf-8"))
    return f"TRL {oldest} and {_pin(project, 'trl')}"


def plans(project: Project) -> str:
    """Write for how much time there are plans."""
    return _listed([f"{name} minutes" if name.isdigit() else f"a {name}" for name in PLANS])


def plan_table(project: Project, *, name: str, day: int) -> str:
    """Write a session of a plan as a table."""
    session = PLANS[name].sessions[day]
    rows = [] if day else [f"What the class has to know: {PLANS[name].knows}.", ""]
    rows += ["| minutes | lesson | what |", "| --- | --- | --- |"]
    for stop in session.stops:
        title = read_lesson(project.root / "notebooks" / f"{stop.lesson}.ipynb").title
        parts = "all" if stop.parts == ALL else ", ".join(part or "first picture" for part in stop.parts)
        rows.append(f"| {stop.minutes} | [{int(stop.lesson[:2])} {title}]({stop.lesson}.ipynb) | {parts} |")
    rows.append(f"| | *To end* | {session.end} |")
    return "\n".join(rows)


def doors(project: Project) -> str:
    """Write which way to the lessons is for whom."""
    from qae_sim.site.doors import doors, table

    first = min((project.root / "notebooks").glob("*.ipynb")).name
    return table(doors(project.address, f"notebooks/{first}", measurements(project.root / "qae_sim" / "speed")))


def example(project: Project) -> str:
    """Write the example, with the numbers that it gives."""
    from qae_sim.advantages import grpo, qae

    rewards = [1, 0, 0, 0, 0, 0, 0, 0]
    ours, theirs = qae(rewards, k=0.4), grpo(rewards)
    return textwrap.dedent(
        f"""\
        ```python
        from qae_sim.advantages import grpo, qae

        rewards = {rewards}  # one success among eight responses
        qae(rewards, k=0.4)  # {ours[0]:.2f} for the success, exactly {ours[1]:.0f} for the others
        grpo(rewards)  # {theirs[0]:.2f} for the success, {theirs[1]:.2f} for the others
        ```"""
    )


def claims(project: Project) -> str:
    """Count claims by verdict, by how far the verdict reaches, and by who says the sentence."""
    from qae_sim.theory import all_claims

    found = all_claims().values()
    verdicts = _counts(claim.expected for claim in found)
    reach = _counts(claim.tier for claim in found if claim.tier is not None)
    origins = _counts(claim.origin for claim in found)
    return f"{len(found)} claims about these methods: {verdicts}. Reach: {reach}. Origin: {origins}"


def _counts(values: Iterable[StrEnum]) -> str:
    """Write how often each member of an enumeration occurs, in its order."""
    counts = Counter(values)
    (kind,) = {type(value) for value in counts}
    return ", ".join(f"{counts[member]} {member}" for member in kind if counts[member])


@lru_cache(maxsize=1)
def _findings() -> tuple[tuple[str, str, str, str], ...]:
    """List study, claim, source and verdict of every finding of the recorded runs."""
    from qae_sim.lm import STUDIES, judge, recorded

    return tuple((f.study, f.claim, f.source, f.verdict) for f in judge(list(STUDIES), "small", recorded()))


def findings(project: Project) -> str:
    """Write all findings of the recorded runs as a table."""
    lines = ["| study | claim | source | verdict |", "| --- | --- | --- | --- |"]
    lines += [f"| `{study}` | {claim} | {source} | {verdict} |" for study, claim, source, verdict in _findings()]
    return "\n".join(lines)


def finding_counts(project: Project) -> str:
    """Count findings by verdict."""
    kinds = Counter(verdict.partition(":")[0].partition(" (")[0] for *_, verdict in _findings())
    return (
        f"{sum(kinds.values())} sentences about training: {kinds['replicated']} show in every setting, "
        f"{kinds['depends']} in some, {kinds['not replicated']} in none"
    )


def neighbours(project: Project) -> str:
    """Write which estimators differ from GRPO in the recorded runs."""
    end = " reaches more than GRPO"
    verdicts = {claim.removesuffix(end): verdict for *_, claim, _, verdict in _findings() if claim.endswith(end)}
    more = [name for name, verdict in verdicts.items() if "yes:" in verdict or verdict.startswith("replicated")]
    less = [name for name, verdict in verdicts.items() if "the opposite:" in verdict]
    return textwrap.fill(
        "The toy language model of lesson 12 was trained with each of them, at equal compute. Of "
        f"{len(verdicts)} estimators, {_listed(more)} reached more than GRPO in some setting, and {_listed(less)} "
        "reached less. With so many comparisons one or two are chance; for all others the seeds do not decide.",
        119,
    )


def _listed(names: list[str]) -> str:
    """Write names in a row; "none" if there are none."""
    start, last = ", ".join(names[:-1]), names[-1] if names else "none"
    return f"{start} and {last}" if start else last


def _rows(found: dict[str, Measurement]) -> list[tuple[str, str, str]]:
    """List the subject, ratio and name of each benchmark whose results are stored."""
    rows: list[tuple[str, str, str]] = []
    if "advantages" in found:
        row = next(iter(found["advantages"].tables.values()))["binary rewards"]
        ratio = f"{number(row['grpo'])} and {number(row['qae'])} times as long"
        rows.append(("`grpo` and `qae`, compared with `(r - mean) / (std + eps)` in NumPy", ratio, "advantages"))
    if "bandits" in found:
        table = next(iter(found["bandits"].tables.values()))
        compared = {
            "ours": (
                "1024 simulated bandits (GRPO, QAE; η = 0.5, 0.05)",
                "a Python loop over runs",
                "a jitted JAX scan",
            ),
            "ours, compiled": ("the same in machine code (extra `compiled`)", "the loop", "the scan"),
        }
        for ours, (what, loop, scan) in compared.items():
            named = [
                f"{number(min(cells))} to {number(max(cells))} times as fast as {name}"
                for name, key in ((loop, "loop"), (scan, "JAX scan"))
                if (cells := table.get(f"{ours}, auto : {key}", {}).values())
            ]
            if named:
                rows.append((what, ", ".join(named), "bandits"))
    if "lm" in found:
        table = found["lm"].tables["A step beside TRL's"]
        ratios = " and ".join(number(row["times as fast as TRL"]) for name, row in table.items() if name != "TRL")
        text = "a step of the toy model's trainer; the same with 80 % of the responses without advantage"
        rows.append((text, f"{ratios} times as fast as TRL's", "lm"))
    if "engines" in found:
        table = next(iter(found["engines"].tables.values()))
        shares = ", ".join(f"{name} {number(row['share of the step, %'])} %" for name, row in table.items())
        rows.append(("what our advantages take of a step of TRL", shares, "engines"))
    if "import" in found:
        row = next(iter(found["import"].tables.values()))["import qae_sim.advantages, qae_sim.softmax"]
        ratio = f"{number(row['times import numpy'])} times as long as `import numpy`"
        rows.append(("importing all of `qae_sim.advantages` and `qae_sim.softmax`", ratio, "import"))
    return rows


def _on_a_gpu(project: Project) -> str:
    """Write the speed in the report of ``tests/benchmarks/gpu.py``; empty if there is no report."""
    path = project.root / "tests" / "benchmarks" / "gpu.json"
    if not path.exists():
        return ""
    stages = {name: stage["figures"] for name, stage in json.loads(path.read_text(encoding="utf-8"))["stages"].items()}
    step, bandits, there = stages["lm"]["ms"], stages["bandits"]["65,536 runs"], stages["environment"]
    return (
        f"{there['gpu']} (`gpu.py`; PyTorch {there['packages']['torch']}): a step of the toy model's trainer "
        f"{number(step['TRL'] / step['ours'])} times as fast as TRL's, 65,536 simulated bandits "
        f"{number(bandits['time on one core : time on the GPU'])} times as fast as on one core of the same machine."
    )


def speed(project: Project) -> str:
    """Write ratios, and the machines on which they were measured."""
    found = measurements(project.root / "qae_sim" / "speed")
    rows = _rows(found)
    lines = ["| what | ratio | measured by |", "| --- | --- | --- |"]
    lines += [f"| {what} | {ratio} | `bench_{name}.py` |" for what, ratio, name in rows]
    machines: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for *_, name in rows):
        measured = found[name]
        machines.setdefault(f"{measured.machine['processor']}, {measured.machine['vector units']}", []).append(name)
    for machine, names in machines.items():
        versions = {key: value for name in names for key, value in found[name].versions.items()}
        threads = max(found[name].threads for name in names)
        with_versions = ", ".join(f"{key} {value}" for key, value in versions.items())
        lines += ["", f"{', '.join(names)}: {machine}, {with_versions}, {threads} thread{'s' if threads > 1 else ''}."]
    gpu = _on_a_gpu(project)
    return "\n".join([*lines, "", gpu] if gpu else lines)


# --- lessons ----------------------------------------------------------------------------------------------------------


def silent_share(project: Project) -> str:
    """Write the share of responses without advantage under QAE for uniform success rates and K = .4, by group size."""
    from qae_sim.explorers.quantile_gate import KS, large_group_share, sparsity_model
    from qae_sim.explorers.verifier import VERIFIERS

    share = sparsity_model(16, 1.0).total[KS == 0.4][0]
    large = large_group_share(0.4, VERIFIERS["right"])
    return f"{100 * share:.1f} % in groups of 16 and {100 * large:.0f} % in large ones"


def one_of_eight(project: Project) -> str:
    """Write the advantages of one correct response among eight, and of the wrong ones, under QAE and the mean."""
    from qae_sim.advantages import grpo, qae

    rewards = [1, 0, 0, 0, 0, 0, 0, 0]
    ours, theirs = qae(rewards, k=0.4), grpo(rewards)
    return textwrap.fill(
        f"A lone winner among eight gets {ours[0]:.2f} under QAE and {theirs[0]:.2f} under the mean. Each of the seven "
        f"losers gets −{_words(-theirs[1], 2)} under the mean, and nothing under QAE.",
        119,
    )


def bias_zero(project: Project) -> str:
    """Write the success rate up to which a correct response is underestimated in groups of 8."""
    return f"{8 ** (-1 / 7):.3f}"


def trl_runs(project: Project) -> str:
    """Write the results of the recorded runs of TRL, in words and numbers."""
    from qae_sim.engines.demo.trl_runs import curve
    from qae_sim.lm.studies.evidence import interval

    def mean_of(recipe: str, measure: str, place: int | slice = -1) -> float:
        return float(curve(recipe, measure)[1][:, place].mean())

    recipes = ("mean", "QAE", "HA-DW")
    ends = [mean_of(recipe, "pass_1") for recipe in recipes]
    gaps = curve("QAE", "entropy")[1][:, -1] - curve("mean", "entropy")[1][:, -1]
    gap = float(gaps.mean())
    found = interval("", gaps)
    within = f"[{_words(found.low, 3, sign=True)}, {_words(found.high, 3, sign=True)}]"
    clipped = max(mean_of(recipe, "clip_high", slice(None)) for recipe in recipes)
    sentences = (
        f"On held-out prompts pass@1 rises from {_words(mean_of('mean', 'pass_1', 0), 2)} to",
        f"{_words(min(ends), 2)} under the recipe that ends lowest and {_words(max(ends), 2)} under the one that ends",
        "highest, and the seeds do not tell the recipes apart.",
        f"Under QAE {100 * mean_of('QAE', 'zero_share', slice(None)):.0f} % of the advantages are",
        "exactly zero, and the model learns about as fast from the rest.",
        f"Entropy falls under all of them, and under QAE ends {_words(abs(gap), 3)} nats",
        f"*{'higher' if gap > 0 else 'lower'}* {within}, which is next to nothing.",
        f"Only {_words(100 * clipped, 2)} % of the tokens are clipped here; entropy neither collapses nor explodes.",
        "Lesson 12 has settings in which the recipes differ.",
        f"These are {len(gaps)} seeds of a small model on one task; larger models may differ.",
    )
    return textwrap.fill(" ".join(sentences), 119)


def broken_runs(project: Project) -> str:
    """Precision and recall of the diagnosis on toy runs, from its file."""
    found = json.loads((project.root / "qae_sim" / "dev" / "broken_runs.json").read_text(encoding="utf-8"))
    runs = found["runs_of_a_kind"]
    lines = [
        f"Of {runs} healthy runs, {found['silent']} were told that nothing calls for a change. Of {runs} runs of each",
        "other kind:",
        "",
        "| broken by | rule | recall | precision | speaks first: recall | precision |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    names = ("recall", "precision", "recall_first", "precision_first")
    for kind, (_, rule) in BROKEN.items():
        if rule:
            values = (found["rules"][rule][name] for name in names)
            cells = ("-" if value is None else f"{value:.0%}" for value in values)
            lines.append(f"| {kind} | {rule} | {' | '.join(cells)} |")
    lines += [
        "",
        "| steps | silenced at K = .2, predicted at K = .4 | in runs at K = .2 | mean error |",
        "| ---: " * 4 + "|",
    ]
    lines += [
        f"| {row['steps']} | {row['predicted']:.1%} | {row['true']:.1%} | {row['error']:.1%} |"
        for row in found["counterfactual"]
    ]
    return "\n".join(lines)


def real_model(project: Project) -> str:
    """Write the time of a step at the size of Qwen3-0.6B."""
    command = "`python tests/benchmarks/bench_real_model.py`"
    start = (
        f"What a step costs, {command} says, with *random weights* of that architecture and responses of forced "
        "length; `--device cuda` asks a GPU."
    )
    measured = measurements(project.root / "qae_sim" / "speed").get("real_model")
    if measured is None:
        return textwrap.fill(start, 119)
    tables = "\n\n".join(markdown(rows) for rows in measured.tables.values())
    return f"{textwrap.fill(f'{start} Measured on {measured.place}:', 119)}\n\n{tables}"


TEXTS = (
    Text("broken runs", ("qae_sim/site/pages/guides/logs.md",), broken_runs),
    Text("badges", ("README.md",), badges),
    Text("pictures", ("README.md",), pictures),
    Text("oldest Python", ("README.md",), oldest_python),
    Text("CPU build", ("README.md",), cpu_build),
    Text("example", ("README.md", "qae_sim/site/pages/index.md"), example),
    Text("doors", ("README.md",), doors),
    Text("plans", ("README.md", "notebooks/00_index.ipynb"), plans),
    *(
        Text(
            f"plan {name}" if len(plan.sessions) == 1 else f"plan {name}, day {day + 1}",
            ("notebooks/for_teachers.ipynb",),
            partial(plan_table, name=name, day=day),
        )
        for name, plan in PLANS.items()
        for day in range(len(plan.sessions))
    ),
    Text("claim counts", ("README.md",), claims),
    Text("finding counts", ("README.md",), finding_counts, slow=True),
    Text("speed", ("README.md",), speed),
    Text("project URLs", ("pyproject.toml",), project_urls),
    Text("version", ("CITATION.cff",), citation),
    Text("findings", ("tests/lm/findings.md",), findings, slow=True),
    Text("bias zero", ("notebooks/16_group_bias.ipynb",), bias_zero),
    Text("neighbours", ("notebooks/10_all_estimators.ipynb",), neighbours, slow=True),
    Text("silent share", ("notebooks/15_misconceptions.ipynb",), silent_share),
    Text("TRL runs", ("notebooks/13_real_trainer.ipynb",), trl_runs),
    Text("real model", ("notebooks/13_real_trainer.ipynb",), real_model),
    Text("ten under trainers", ("notebooks/01_one_in_ten.ipynb",), lesson_texts.ten_under_trainers),
    Text("silent by spread", ("notebooks/02_the_gate.ipynb",), lesson_texts.silent_by_spread),
    Text("speed of QAE", ("notebooks/03_the_baseline_cancels.ipynb",), lesson_texts.speed_of_qae),
    Text("turn of QAE and GRPO", ("notebooks/03_the_baseline_cancels.ipynb",), lesson_texts.turn_of_qae_and_grpo),
    *(
        Text(
            f"gap of {name}",
            ("notebooks/04_another_clock.ipynb",),
            partial(lesson_texts.gap, chips=chips),
        )
        for name, chips in (("length", 1), ("steps", 2), ("clip", 6), ("Adam", 8))
    ),
    Text("peaks under Adam", ("notebooks/04_another_clock.ipynb",), lesson_texts.peaks_under_adam),
    Text("study seeds", ("notebooks/12_language_model.ipynb",), lesson_texts.study_seeds),
    Text(
        "trial seeds",
        ("notebooks/08_what_is_left.ipynb", "notebooks/12_language_model.ipynb"),
        lesson_texts.trial_seeds,
    ),
    *(
        Text(f"trial {name}", ("notebooks/12_language_model.ipynb",), make)
        for name, make in (
            ("margins", lesson_texts.trial_margins),
            ("level", lesson_texts.trial_level),
            ("predictions", lesson_texts.trial_predictions),
            ("decisions", lesson_texts.trial_decisions),
            ("countdown", lesson_texts.trial_countdown),
        )
    ),
    Text("TRL versions", ("qae_sim/site/pages/guides/trl.md",), trl_versions),
    Text("one of eight", ("notebooks/14_training_logs.ipynb",), one_of_eight),
)
