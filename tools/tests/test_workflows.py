"""The workflows of GitHub: they name tasks that there are, and may do no more than they must."""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from releasing.tags import read_tag, tag_of
from releasing.tree import packages_of

ROOT = Path(__file__).parents[2]
TEXTS = {path.stem: path.read_text() for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WEEKLY = {"demo", "faults", "fuzz"}
NIGHTLY = {"alone", "lowest", "together", "siblings", "python", "min-deps", "examples", "fuzz"}


def read(text: str) -> dict[str, Any]:
    workflow = yaml.safe_load(text)
    return workflow | {"on": workflow.pop(True)}  # YAML 1.1 takes the word `on` for a truth


@functools.cache
def tasks() -> set[str]:
    """Names of the tasks in noxfile.py."""
    names = set()
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        for decorator in decorators:
            if ast.unparse(decorator).partition("(")[0] == "nox.session":
                keywords = {word.arg: word.value for word in getattr(decorator, "keywords", [])}
                names.add(ast.literal_eval(keywords["name"]) if "name" in keywords else getattr(node, "name", ""))
    return names


def named_tasks(script: str) -> set[str]:
    """The tasks that a shell script asks nox for by name."""
    calls = re.findall(r"\bnox\b.*? -s((?: \w[\w-]*)+)", script)
    return {name for call in calls for name in call.split()}


def faults(text: str) -> list[str]:
    """Say what is wrong with a workflow, whatever it does."""
    workflow = read(text)
    found = [f"uses {line}" for line in re.findall(r"uses: (.*)", text) if not PINNED.fullmatch(line)]
    if "secrets." in text:
        found.append("has a secret")
    if "permissions" not in workflow or "write" in workflow["permissions"].values():
        found.append("gives all jobs a permission to write")
    if "pull_request_target" in workflow["on"]:
        found.append("runs what strangers ask for with our permissions")
    for name, job in workflow["jobs"].items():
        found += [f"{name}: {fault}" for fault in job_faults(job, workflow["on"])]
    return found


def job_faults(job: dict[str, Any], events: dict[str, Any]) -> list[str]:
    found = [] if "timeout-minutes" in job else ["may run for ever"]
    if "self-hosted" in job["runs-on"] and "pull_request" in events:
        found.append("runs what strangers ask for on our machine")
    for step in job["steps"]:
        script = step.get("run", "")
        found += [f"there is no task {name}" for name in sorted(named_tasks(script) - tasks())]
        if "${{" in script:
            found.append(f"pastes a value into a script: {script}")
        if "checkout" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
            found.append("leaves the token of the checkout lying about")
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_the_workflow_is_sound(name: str) -> None:
    assert faults(TEXTS[name]) == []


GOOD = """
on:
  push:
permissions:
  contents: read
jobs:
  one:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: python -m nox -s lint types
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "v7", "uses actions/checkout@v7"),
        ("-s lint types", "-s lint tpyes -- -q", "one: there is no task tpyes"),
        ("lint types", "lint; echo ${{ github.ref }}", "one: pastes a value into a script"),
        ("lint types", "lint # ${{ secrets.TOKEN }}", "has a secret"),
        ("contents: read", "contents: write", "gives all jobs a permission to write"),
        ("permissions:\n  contents: read\n", "", "gives all jobs a permission to write"),
        ("push:", "pull_request_target:", "runs what strangers ask for with our permissions"),
        ("push:\n", "pull_request:\n", None),
        ("runs-on: ubuntu-latest", "runs-on: [self-hosted, gpu]", None),
        ("    timeout-minutes: 5\n", "", "one: may run for ever"),
        ("persist-credentials: false", "fetch-depth: 0", "one: leaves the token of the checkout lying about"),
    ],
)
def test_each_fault_is_seen(old: str, new: str, fault: str | None) -> None:
    assert faults(GOOD) == []
    assert old in GOOD
    found = faults(GOOD.replace(old, new))
    assert any(one.startswith(fault) for one in found) if fault else not found


def test_strangers_do_not_get_at_our_machine() -> None:
    text = GOOD.replace("push:", "pull_request:").replace("ubuntu-latest", "[self-hosted, gpu]")
    assert faults(text) == ["one: runs what strangers ask for on our machine"]


def test_the_tasks_of_the_checks_of_a_change_are_there() -> None:
    assert "bash .ci/run" in TEXTS["tests"]
    named = named_tasks((ROOT / ".ci/run").read_text())
    assert {"lint", "types", "tests"} <= named <= tasks()


def test_the_job_that_publishes_may_do_nothing_else() -> None:
    workflow = read(TEXTS["publish"])
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert workflow["permissions"] == {}
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert publish["environment"]["name"] == "pypi"
    actions = [step["uses"].split("@")[0] for step in publish["steps"]]  # and no scripts
    assert actions == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert "environment" not in build


def test_what_is_published_is_checked_against_its_tag_before() -> None:
    scripts = [step.get("run", "") for step in read(TEXTS["publish"])["jobs"]["build"]["steps"]]
    at = {key: next(i for i, script in enumerate(scripts) if key in script) for key in ("release_tag", "-s build")}
    assert at["release_tag"] < at["-s build"]
    assert 'git merge-base --is-ancestor "$GITHUB_SHA" origin/main' in scripts


@pytest.fixture
def tag_pattern() -> re.Pattern[str]:
    """The pattern of the tags that publish; to GitHub a `*` ends at a slash, a `+` repeats and a dot is a dot."""
    (pattern,) = read(TEXTS["publish"])["on"]["push"]["tags"]
    return re.compile(pattern.replace(".", r"\.").replace("*", "[^/]*"))


@pytest.mark.parametrize("package", ["animate", "common", "inpaint", "inversion", "vfp"])
def test_the_tag_of_every_package_publishes_it(tag_pattern: re.Pattern[str], package: str) -> None:
    tag = tag_of(package, "0.12.3")
    assert tag_pattern.fullmatch(tag)
    assert read_tag(tag, [other.name for other in packages_of(ROOT)]) == (package, "0.12.3")


@pytest.mark.parametrize("tag", ["v0.2.0", "inpaint-0.2.0", "inpaint-v2", "nightly"])
def test_other_tags_publish_nothing(tag_pattern: re.Pattern[str], tag: str) -> None:
    assert not tag_pattern.fullmatch(tag)


def test_a_gpu_that_is_missing_fails_on_the_machine_that_should_have_one() -> None:
    job = read(TEXTS["gpu"])["jobs"]["gpu"]
    assert job["runs-on"] == ["self-hosted", "gpu"]
    assert job["env"]["MASKREEL_REQUIRE_CUDA"] == "1"
    assert any(step.get("run", "").endswith("nox -s gpu") for step in job["steps"])


def test_a_browser_that_is_missing_fails_where_all_tests_run() -> None:
    job = read(TEXTS["tests"])["jobs"]["tests"]
    assert job["env"]["MASKREEL_REQUIRE_BROWSER"] == "1"
    assert '"MASKREEL_REQUIRE_BROWSER"' in (ROOT / "conftest.py").read_text()


def test_every_task_of_the_week_runs_as_one_of_its_jobs() -> None:
    workflow = read(TEXTS["weekly"])
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow["on"]["schedule"][0]["cron"])
    job = workflow["jobs"]["week"]
    assert set(job["strategy"]["matrix"]["task"]) == WEEKLY
    runs = {step.get("if", "").partition("'")[2].rstrip("'"): step["run"] for step in job["steps"] if "run" in step}
    assert {task: named_tasks(script) for task, script in runs.items() if task} == {task: {task} for task in WEEKLY}
    said = re.search(r"--seconds (\d+)", runs["fuzz"])
    assert said is not None
    assert 60 * job["timeout-minutes"] > 2 * int(said[1])


def test_every_task_of_the_night_is_listed_for_every_package(tmp_path: Path) -> None:
    (script,) = [step["run"] for step in read(TEXTS["nightly"])["jobs"]["list"]["steps"] if step.get("id") == "list"]
    assert named_tasks(script) == NIGHTLY
    if importlib.util.find_spec("nox") is None:
        pytest.skip("there is no nox to list them")
    places = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, env=os.environ | places)
    name, _, value = (tmp_path / "output").read_text().strip().partition("=")
    listed = json.loads(value)
    assert name == "sessions"
    assert {one.split("(")[0].split("-3")[0] for one in listed} == NIGHTLY
    assert {f"alone({package.name})" for package in packages_of(ROOT)} <= set(listed)
