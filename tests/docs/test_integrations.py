"""Manifests and workflows in docs/integrations: each is what its own schema says, and calls commands that there are."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from typer.main import get_command

from compat.cli import app
from compat.gate.formats import gate_formats
from compat.gate.metrics import answer_gauges
from compat.model import Decision
from tests.docs.structures import STRUCTURES
from tests.example import write_example
from tests.gate.formats.test_formats import answer
from tests.gate.serve.serving import TOKEN, serving
from tests.gate.stores import upgrade, write_verdict
from tests.test_cli import compat

FOLDER = Path(__file__).parents[2] / "docs" / "integrations"
FILES = sorted(path.name for path in FOLDER.iterdir())
PAGE = "gates.md"  # beside the folder
MANIFESTS = [name for name in FILES if name.endswith(".yaml")]
VERSIONS = ("1.31.0", kubernetes_validate.latest_version())
CORE = ("v1", "apps/v1", "batch/v1", "networking.k8s.io/v1")
COMMAND = re.compile(r"(?:^|[\s;&|(\"']|exec |timeout \d+ )compat ((?:baseline )?[a-z]+ [^;&|>)#\n]*)")


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def inside(value: Any) -> Iterator[Any]:
    """The value, and everything in it."""
    yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(one)


def calls(name: str) -> list[list[str]]:
    """Every call of ours in a file: a list of words, or in a line of a shell; in a script in its comments, too."""
    if name == PAGE:
        lines = (FOLDER.parent / PAGE).read_text().splitlines()
        return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("compat ")]
    if name.endswith(".sh"):
        return [shlex.split(match[1]) for match in COMMAND.finditer((FOLDER / name).read_text())]
    found = []
    for one in (part for document in documents(name) for part in inside(document)):
        if isinstance(one, str):
            found += [shlex.split(match[1]) for match in COMMAND.finditer(one)]
        elif isinstance(one, list) and one and one[0] == "compat":
            found.append(one[1:])
    return found


# -- schemas -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "schema", "more"),
    [
        ("github.yml", "vendor.github-workflows", ()),
        ("gitlab.yml", "vendor.gitlab-ci", ("--data-transform", "gitlab-ci")),
    ],
)
def test_a_pipeline_is_what_its_published_schema_says(
    tmp_path: Path, name: str, schema: str, more: tuple[str, ...]
) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more]
    done = subprocess.run([*words, str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = yaml.safe_load((FOLDER / name).read_text())
    wrong["promote" if name == "gitlab.yml" else "jobs"] = {"neeeds": 1}
    (tmp_path / name).write_text(yaml.safe_dump(wrong))
    assert subprocess.run([*words, str(tmp_path / name)], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_what_its_schema_says(name: str) -> None:
    for document in documents(name):
        kind = (document.get("apiVersion", ""), document.get("kind", "rules"))
        if kind[0] in CORE:
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
        else:
            jsonschema.Draft202012Validator(STRUCTURES[kind]).validate(document)


def test_each_structure_of_ours_refuses_what_is_misspelt() -> None:
    seen = set()
    for name in MANIFESTS:
        for document in documents(name):
            kind = (document.get("apiVersion", ""), document.get("kind", "rules"))
            if kind not in STRUCTURES:
                continue
            seen.add(kind)
            schema = jsonschema.Draft202012Validator(STRUCTURES[kind])
            for one in inside(document):
                if isinstance(one, dict) and not {"matchLabels", "spec", "template"} & set(one):
                    free = any(one is other for other in free_parts(document))
                    one["misspelt"] = {}
                    assert free or not schema.is_valid(document), (name, one)
                    del one["misspelt"]
    assert seen == set(STRUCTURES)


def free_parts(document: dict[str, Any]) -> list[Any]:
    """What Kubernetes' own schema is for."""
    return [one for part in inside(document) if isinstance(part, dict) and "job" in part for one in inside(part["job"])]


def test_the_job_of_a_metric_is_a_job() -> None:
    jobs = [
        one["job"]
        for document in documents("argo-rollouts.yaml")
        for one in inside(document)
        if isinstance(one, dict) and "job" in one
    ]
    assert len(jobs) == 1
    for job in jobs:
        whole = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, **job}
        for version in VERSIONS:
            kubernetes_validate.validate(whole, version, strict=True)


@pytest.mark.network
def test_argo_rollouts_own_types_take_the_templates(runtime_cache: Path) -> None:
    """By the npm package that is made from the types of Argo Rollouts; it does not mind keys that it does not know."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm: there is no node here; install nodejs and npm")
    folder = runtime_cache.resolve() / "npm-argo-rollouts"
    folder.mkdir(parents=True, exist_ok=True)
    package = "@kubernetes-models/argo-rollouts"
    if not (folder / "node_modules" / package).is_dir():
        (folder / "package.json").write_text("{}")
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{package}@2.0.0"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    (folder / "check.mjs").write_text(
        f'import {{ AnalysisTemplate }} from "{package}/argoproj.io/v1alpha1";\n'
        'import { readFileSync } from "node:fs";\n'
        "for (const one of JSON.parse(readFileSync(0))) {\n"
        "  try { new AnalysisTemplate(one).validate(); console.log('right'); } catch (e) { console.log(e.message); }\n"
        "}\n"
    )
    ours = documents("argo-rollouts.yaml")
    wrong = json.loads(json.dumps(ours[0]))
    wrong["spec"]["metrics"][0]["provider"]["web"]["timeoutSeconds"] = "soon"
    done = subprocess.run(
        ["node", "check.mjs"], cwd=folder, input=json.dumps([*ours, wrong]), capture_output=True, text=True, check=True
    )
    *said, refused = done.stdout.splitlines()
    assert said == ["right"] * len(ours)
    assert "timeoutSeconds" in refused


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FILES, PAGE])
def test_every_call_of_ours_is_one_that_there_is(name: str) -> None:
    group: Any = get_command(app)
    for words in calls(name):
        context = group.make_context("compat", list(words))
        first, command, rest = group.resolve_command(context, list(words))
        command.make_context(first, rest, parent=context)  # an option that there is not is an error of click's
        if "--format" in words and first == "gate":
            assert words[words.index("--format") + 1] in gate_formats()


def test_calls_are_found_in_lists_and_in_lines() -> None:
    found = {name: [words[0] for words in calls(name)] for name in [*FILES, PAGE]}
    assert found == {
        "argo-cd.yaml": ["gate", "run"],
        "argo-rollouts.yaml": ["gate"],
        "flagger.yaml": [],
        "gates.md": [*["gate"] * 8, "serve", "serve"],
        "github.yml": ["plan", "merge", "gate", "report", "gate"],
        "gitlab.yml": ["plan", "gate", "report", "gate"],
        "gpu-operator-validator.yaml": ["run"],
        "kubernetes-job.yaml": ["gate"],
        "kured.yaml": [],
        "serve.yaml": ["serve"],
        "slurm-gate.sh": ["plan", "merge", "report", "gate"],
        "slurm-prolog.sh": [],
        "system-upgrade-controller.yaml": ["gate"],
    }


def test_gitlabs_jobs_run_and_refuse_the_upgrade_before(tmp_path: Path) -> None:
    """Each script as a runner would run it; of the upgrade after it nothing is measured, and the same gate is asked."""
    document = yaml.safe_load((FOLDER / "gitlab.yml").read_text())
    write_example(tmp_path, ring="}\n  - {name: early, after: canary, tiers: [cpu]").rename(tmp_path / "upgrade.yaml")
    stores = tmp_path / "mount" / "upgrade"
    variables = {"STORES": str(stores), "IMAGE": document["variables"]["IMAGE"]}
    where = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def job(lines: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        script = "\n".join(("set -e", *lines)).replace("--shards 8", "--shards 2 --content site")
        env = {**os.environ, "PATH": where, **variables, **more}
        words = ["sh", "-c", script]
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    planned = job(document["plan"]["script"])
    assert (planned.returncode, planned.stderr) == (0, "")
    jobs = yaml.safe_load((tmp_path / "shards.yml").read_text())
    assert [name for name, one in jobs.items() if "artifacts" in one] == []  # of no folder outside of the checkout
    (measure,) = [one for name, one in jobs.items() if name.startswith("measure-")]
    for shard in ("1-2", "2-2"):
        done = job(measure["script"], SHARD=shard)
        assert done.returncode == 0, done.stderr
    assert job(jobs["judge"]["script"]).returncode == 0
    assert job(document["gate"]["script"]).returncode == 0
    said = dict(line.split("=") for line in (tmp_path / "gate.env").read_text().splitlines())
    promote = [line for line in document["promote"]["script"] if "roll-out" not in line]
    assert job(promote, **said).returncode == 0
    with (tmp_path / "upgrade.yaml").open("a") as file:
        file.write("# the next one\n")
    assert job(document["plan"]["script"]).returncode == 0
    for lines in (jobs["judge"]["script"][-1:], document["gate"]["script"], promote):
        done = job(lines, **said)
        assert done.returncode == 2, done.stdout
        assert "upgrade.yaml: is not the matrix file that the plan was made of" in done.stderr
    assert "when" not in document["gate"]


@pytest.mark.parametrize("name", FILES)
def test_each_gate_is_asked_with_the_matrix_file(name: str) -> None:
    for words in calls(name):
        assert words[0] != "gate" or "--matrix" in words


def test_a_store_that_is_mounted_read_only_is_asked_by_stored_verdicts() -> None:
    asked = 0
    for name in MANIFESTS:
        for one in (part for document in documents(name) for part in inside(document) if isinstance(part, dict)):
            if one.get("command", [])[:2] == ["compat", "gate"] and "volumeMounts" in one:
                (mount,) = one["volumeMounts"]
                assert "--stored" in one["command"] or not mount.get("readOnly"), name
                asked += 1
    assert asked == 3


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".sh")])
def test_a_script_is_a_script(name: str) -> None:
    done = subprocess.run(["sh", "-n", str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("decision", "code"), [(Decision.GO, 0), (Decision.HOLD, 0), (Decision.NO_GO, 1)])
def test_slurms_prolog_keeps_jobs_from_a_ring_that_is_no_go_alone(
    tmp_path: Path, decision: Decision, code: int
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl: there is none here; install curl")
    store, plan = upgrade(tmp_path / "store", name="driver-upgrade")
    write_verdict(store, plan, decision)
    (tmp_path / "header").write_text(f"Authorization: Bearer {TOKEN}\n")
    script = (
        (FOLDER / "slurm-prolog.sh").read_text().replace("/etc/slurm/compat-token-header", str(tmp_path / "header"))
    )

    def prolog() -> int:
        return subprocess.run(["sh", "-c", script], capture_output=True, check=False).returncode

    with serving(tmp_path / "store", tmp_path) as found:
        script = script.replace("http://gate.example:8787", found.url)
        assert prolog() == code
        (tmp_path / "header").write_text("Authorization: Bearer another\n")
        assert prolog() == 0  # a gate that says nothing keeps nobody from working
    assert prolog() == 0


# -- what they rest on -------------------------------------------------------------------------------------------------


def test_the_matrix_of_the_node_check_can_be_go(tmp_path: Path) -> None:
    (config, daemons) = documents("gpu-operator-validator.yaml")
    (tmp_path / "node-check.yaml").write_text(config["data"]["node-check.yaml"])
    done = compat("plan", "node-check.yaml", "--ring", "node", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ring node: 26 cases, tiers gpu, budget 4 min a node" in done.stdout
    (tmp_path / "nodes.yaml").write_text('- {hostname: a, driver: "570.124.06", gpus: 1}\n')
    other = compat("plan", "node-check.yaml", "--ring", "node", "--nodes", "nodes.yaml", cwd=tmp_path)
    assert other.returncode == 10  # another driver than the one that was asked for is never GO
    template = daemons["spec"]["template"]
    assert template["metadata"]["labels"]["app"] == "nvidia-operator-validator"
    assert len(template["spec"]["containers"]) == 1  # the operator waits for each to be ready


def test_conditions_of_a_metric_are_neither_for_hold() -> None:
    (web, _) = documents("argo-rollouts.yaml")
    (metric,) = web["spec"]["metrics"]
    assert (metric["successCondition"], metric["failureCondition"]) == ('result == "GO"', 'result == "NO-GO"')
    assert metric["provider"]["web"]["jsonPath"] == "{$.decision}"


def test_rules_are_of_metrics_that_there_are(tmp_path: Path) -> None:
    names = {gauge.name for gauge in answer_gauges(answer(tmp_path, Decision.GO))}
    (rules,) = documents("kured.yaml")
    for rule in rules["groups"][0]["rules"]:
        assert set(re.findall(r"compat_\w+", rule["expr"])) <= names
        assert rule["alert"].startswith("CompatGate")  # which kured looks for


def test_hooks_of_argo_cd_are_named_as_it_has_them() -> None:
    hooks = [document["metadata"]["annotations"] for document in documents("argo-cd.yaml")]
    assert [one["argocd.argoproj.io/hook"] for one in hooks] == ["PreSync", "PostSync"]
    assert {one["argocd.argoproj.io/hook-delete-policy"] for one in hooks} == {"BeforeHookCreation"}


def test_each_file_is_linked_from_the_page() -> None:
    page = (FOLDER.parent / PAGE).read_text()
    assert [name for name in FILES if f"(integrations/{name})" not in page] == []
