"""What is shipped to operate Tidemill: every file is read by the tool it is for, and says what the code says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill.bootstrap.operations import build_operations
from tidemill.services.home import find_home
from tidemill.services.monitoring.figures import Figures
from tidemill.services.settings.loading import spellings_of
from tidemill.services.settings.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ALERT_TESTS = ("alerts_test.yml", "alerts_hours_test.yml")
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SECRET = re.compile(r"(?i)(password|secret|token|api_key)\s*[=:]\s*[\"']?(?!\s|$|false|true|/)[A-Za-z0-9+/=_-]{6,}")
METRIC = re.compile(r"\b(?:tidemill|trading)_[a-z0-9_]+")
PUBLIC = {"0.0.0.0", "::"}  # noqa: S104 - looked for


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tool(name: str) -> str:
    """Return a program beside this Python or on the path; skips the test where there is none."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*words: str, cwd: Path = ROOT) -> str:
    ended = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of every figure that a scrape can hold, samples of empty families included."""
    from prometheus_client.parser import text_string_to_metric_families

    from tidemill.adapters.sql.database import Database
    from tidemill.adapters.sql.opening import open_store
    from tidemill.runtime.clock import SystemClock

    home = find_home(tmp_path_factory.mktemp("figures"))
    open_store(home.url, migrate=True).close()
    figures: Figures = build_operations(home, Database(home.url), SystemClock(), "prod").figures
    figures.answered("/v1/health", "GET", 200, 0.1)
    names: set[str] = set()
    for family in text_string_to_metric_families(figures.text().decode()):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {sample.name for sample in family.samples} | {family.name + end for end in ends}
    return names


def test_prometheus_reads_its_configuration_and_rules() -> None:
    promtool, folder = tool("promtool"), DEPLOY / "prometheus"
    assert "SUCCESS" in run(promtool, "check", "config", "--syntax-only", "prometheus.yml", cwd=folder)
    assert "rules found" in run(promtool, "check", "rules", "--lint-fatal", "alerts.yml", cwd=folder)


def test_every_alert_fires_when_it_should() -> None:
    for file in ALERT_TESTS:
        assert "SUCCESS" in run(tool("promtool"), "test", "rules", file, cwd=DEPLOY / "prometheus")


def test_every_alert_has_a_test_a_severity_and_says_what_to_do() -> None:
    rules = [rule for group in load(DEPLOY / "prometheus" / "alerts.yml")["groups"] for rule in group["rules"]]
    tested = {
        item["alertname"]
        for file in ALERT_TESTS
        for test in load(DEPLOY / "prometheus" / file)["tests"]
        for item in test.get("alert_rule_test", [])
        if item["exp_alerts"]
    }
    assert {rule["alert"] for rule in rules} == tested
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_scrape_is_the_one_that_is_documented() -> None:
    config = load(DEPLOY / "prometheus" / "prometheus.yml")
    assert (config["global"]["scrape_interval"], config["global"]["scrape_timeout"]) == ("15s", "10s")
    assert config["scrape_configs"][0]["metrics_path"] == "/v1/metrics/prom"


@pytest.mark.parametrize(
    "path",
    ["prometheus/alerts.yml", *(f"prometheus/{file}" for file in ALERT_TESTS), "grafana/dashboards/tidemill.json"],
)
def test_every_figure_that_is_asked_for_exists(known: set[str], path: str) -> None:
    asked = set(METRIC.findall((DEPLOY / path).read_text(encoding="utf-8")))
    assert asked - known == set()
    assert len(asked) > 1


def test_the_dashboard_holds_what_operators_ask_for() -> None:
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "tidemill.json").read_text(encoding="utf-8"))
    panels = {panel["title"]: panel for panel in board["panels"]}
    assert len(panels) == len(board["panels"]) == len({panel["id"] for panel in board["panels"]})
    rate = panels["Order success rate"]
    assert (rate["type"], "[5m]" in rate["targets"][0]["expr"]) == ("stat", True)
    over = panels["Orders over time"]
    assert [target["legendFormat"] for target in over["targets"]] == ["Successful orders", "Blocked orders"]
    assert all("[1m]" in target["expr"] for target in over["targets"])
    source = load(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_queries_of_the_dashboard_are_queries(tmp_path: Path) -> None:
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "tidemill.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"tidemill:query{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in run(tool("promtool"), "check", "rules", str(file))


def test_the_image_is_linted() -> None:
    run(tool("hadolint"), "deploy/Dockerfile")


def test_the_image_runs_as_nobody_and_holds_no_secret() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in text
    assert "--require-hashes" in text
    assert not SECRET.search(text)
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        source.split("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == {line[1:] for line in allowed if line.startswith("!")}


def test_the_locked_packages_of_the_image_are_those_of_the_others() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE))

    run_lock, service, dev = pins("run.lock"), pins("service.lock"), pins("dev.lock")
    assert run_lock < service
    assert service <= dev
    assert any(pin.startswith("psycopg==") for pin in service - run_lock)


def test_compose_publishes_to_this_machine_only_and_keeps_secrets_in_files() -> None:
    compose = load(DEPLOY / "compose.yaml")
    assert set(compose["services"]) == {"tidemill", "postgres", "prometheus", "grafana"}
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert ":" in service["image"] and not service["image"].endswith("latest")
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["cap_drop"] == ["ALL"]
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|DATABASE_URL", variable):
                assert variable.endswith("_FILE") and str(value).startswith("/run/secrets/"), variable
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), volume
    assert compose["services"]["tidemill"]["read_only"]
    assert all(item["file"].startswith("./secrets/") for item in compose["secrets"].values())
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_names_and_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    compose = load(DEPLOY / "compose.yaml")
    pod = load(DEPLOY / "kubernetes" / "statefulset.yaml")["spec"]["template"]["spec"]
    assert {compose["services"]["tidemill"]["image"], pod["containers"][0]["image"]} == {f"tidemill:{version}"}
    network = compose["networks"]["inside"]["ipam"]["config"][0]
    assert network["gateway"] in compose["services"]["tidemill"]["command"]


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_manifests_are_what_kubernetes_takes(path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        validate.validate(document, "1.31", strict=True)
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "tidemill"


def test_the_pod_is_one_unprivileged_and_asked_in_the_right_place() -> None:
    found = {load(path)["kind"]: load(path) for path in KUBERNETES}
    assert set(found) == {"Namespace", "NetworkPolicy", "PersistentVolumeClaim", "Secret", "Service", "StatefulSet"}
    stateful, pod = found["StatefulSet"]["spec"], found["StatefulSet"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert stateful["replicas"] == 1
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/v1/health", "liveness": "/v1/health/live", "readiness": "/v1/health/ready"}
    assert set(found["Secret"]["stringData"].values()) == {""}
    labels = stateful["template"]["metadata"]["labels"]
    assert (
        found["Service"]["spec"]["selector"] == labels == found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    )
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == found["PersistentVolumeClaim"]["metadata"]["name"]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    text = (DEPLOY / "systemd" / "tidemill.service").read_text(encoding="utf-8")
    unit = tmp_path / "tidemill.service"
    unit.write_text(text.replace("/opt/tidemill/bin/tidemill", sys.executable), encoding="utf-8")
    assert "tidemill.service" not in run(analyze, "verify", "--recursive-errors=no", str(unit))
    told = run(analyze, "security", "--offline=yes", str(unit)).splitlines()[-1]
    exposure = re.search(r"[\d.]+", told.partition("tidemill.service:")[2])
    assert exposure is not None
    assert float(exposure[0]) < 2.0


def variables() -> set[str]:
    return {name for item, field in Settings.model_fields.items() for name in spellings_of(item, field)}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_examples_of_environments_name_settings_that_exist(name: str, tmp_path: Path) -> None:
    from tidemill.services.settings.loading import load_settings

    text = (DEPLOY / "env" / f"{name}.env.example").read_text(encoding="utf-8")
    said = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    assert {item.removesuffix("_FILE") for item in said} <= variables()
    assert not SECRET.search(text)
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    settings = load_settings(tmp_path, {}).settings
    assert (str(settings.profile), settings.api_host, settings.trading_mode) == (name, "127.0.0.1", "PAPER")


def test_nothing_that_is_shipped_holds_a_secret() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in sorted(DEPLOY.rglob("*"))
        if path.is_file() and "secrets" not in path.relative_to(DEPLOY).parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if SECRET.search(line) and "_FILE" not in line and not line.strip().startswith("#")
    ]
    assert found == []
