"""Deploy files agree with the code they deploy: names, ports, settings, steps, pins."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.cli.catalogue import settings_classes, variable_names
from shared.db.migrate import APP_ROLE
from shared.runtime import load_service
from shared.settings import RELAY_PORT_OFFSET, SANDBOX_PORT_OFFSET, SECRET_READERS, SERVICE_PORTS

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = {**SERVICE_PORTS, "relay": RELAY_PORT_OFFSET, "sandbox": SANDBOX_PORT_OFFSET}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: COMPOSE["services"][name.replace("_", "-")] for name in PROCESSES}
# Read by obstore from the environment, not by our settings.
OF_LIBRARIES = {
    "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
}  # fmt: skip


def dashed(name: str) -> str:
    return name.replace("_", "-")


def built(overlay: str) -> list[dict[str, Any]]:
    """The documents of an overlay."""
    command = [str(ROOT / ".venv" / "bin" / "kubectl"), "kustomize", str(ROOT / "k8s" / "overlays" / overlay)]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    return list(yaml.safe_load_all(text))


@pytest.fixture(scope="module", params=["dev", "prod"])
def documents(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return built(request.param)


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in documents if found["kind"] == kind}


def secrets_of(process: str) -> set[str]:
    """The secrets a process gets besides those of all."""
    return {secret for secret, readers in SECRET_READERS.items() if process in readers}


def login_of(url: str) -> str:
    return url.split("//")[1].split(":", maxsplit=1)[0]


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


# --- images -------------------------------------------------------------------------------------------------------


def test_health_check_knows_the_ports_of_the_settings() -> None:
    spec = importlib.util.spec_from_file_location("healthcheck", ROOT / "deploy" / "healthcheck.py")
    assert spec is not None
    assert spec.loader is not None
    healthcheck = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(healthcheck)
    assert healthcheck.OFFSETS == PROCESSES
    assert healthcheck.health_url("scraper", "all", 8000) == "http://127.0.0.1:8001/health"
    assert healthcheck.health_url("scraper", "worker", 8000) == "http://127.0.0.1:8101/health"
    assert healthcheck.health_url("sandbox", "all", 9000) == "http://127.0.0.1:9011/_sandbox/health"


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", PROCESSES)
def test_an_image_installs_the_versions_the_fleet_is_tested_with(name: str) -> None:
    fleet, own = pins("fleet"), pins(name)
    assert {"fastapi", "pydantic", "uvicorn"} <= set(own)
    assert {package: version for package, version in own.items() if fleet.get(package) != version} == {}


# --- Compose ------------------------------------------------------------------------------------------------------


def test_compose_builds_every_process_from_the_one_dockerfile() -> None:
    for name, service in OURS.items():
        build = (COMPOSE["services"]["migrate"] if name == "relay" else service)["build"]
        wanted = {"SERVICE": name} | ({"CHROMIUM": "yes"} if name == "scraper" else {})
        assert build == {"context": ".", "dockerfile": "deploy/Dockerfile", "args": wanted}
        assert service["image"] == f"ridgeline/{dashed(name)}"


def test_compose_confines_every_process() -> None:
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["stop_grace_period"] == "40s", name
        assert service["restart"] == "unless-stopped", name


def test_compose_opens_the_marketplace_alone() -> None:
    public = [
        name
        for name, service in COMPOSE["services"].items()
        if any(not port.startswith("127.0.0.1:") for port in service.get("ports", []))
    ]
    assert public == ["marketplace"]


def test_compose_sets_only_settings_that_exist() -> None:
    known = {name for kind in settings_classes() for name in variable_names(kind)}
    given = {name for service in OURS.values() for name in service["environment"]}
    assert given - known - OF_LIBRARIES == set()


def test_compose_gives_a_secret_to_its_readers_alone() -> None:
    given = {name: set(service["environment"]) & set(SECRET_READERS) for name, service in OURS.items()}
    assert given == {name: secrets_of(name) for name in OURS}


def test_compose_runs_every_service_as_a_login_that_owns_nothing() -> None:
    logins = {
        name: login_of(service["environment"]["DATABASE_URL"])
        for name, service in COMPOSE["services"].items()
        if "DATABASE_URL" in service.get("environment", {})
    }
    services = {dashed(name) for name in OURS} - {"sandbox"}
    assert logins == {"migrate": "ridgeline", "seed": "ridgeline"} | dict.fromkeys(services, APP_ROLE)
    assert COMPOSE["services"]["migrate"]["environment"]["DATABASE_APP_PASSWORD"]
    assert "RIDGELINE_DATABASE_ROLES" not in (ROOT / "docker-compose.yml").read_text()


def test_every_secret_compose_demands_is_made_by_compose_env() -> None:
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.yml").read_text()))
    made = (ROOT / "scripts" / "compose-env").read_text()
    keys = (ROOT / "shared" / "security" / "__main__.py").read_text()
    assert [name for name in sorted(demanded) if name not in made and f'"{name}"' not in keys] == []


def test_prometheus_reads_every_process_of_compose() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    expected = {f"{dashed(name)}:{8000 + offset}" for name, offset in PROCESSES.items() if name != "sandbox"}
    assert set(targets) == expected


# --- Kubernetes ---------------------------------------------------------------------------------------------------


def test_every_service_is_deployed_and_has_a_worker_where_it_has_steps(
    documents: list[dict[str, Any]],
) -> None:
    expected = {"relay"}
    for name in SERVICE_PORTS:
        service = load_service(name)
        expected.add(f"{dashed(name)}-api")
        if service.steps or service.handlers or service.schedule:
            expected.add(f"{dashed(name)}-worker")
    found = {name for name, one in of_kind(documents, "Deployment").items() if ours(one)}
    assert found == expected


def ours(deployment: dict[str, Any]) -> bool:
    return bool(deployment["metadata"].get("labels", {}).get("ridgeline") == "process")


def test_ports_and_services_are_those_of_the_settings(documents: list[dict[str, Any]]) -> None:
    deployments, services = of_kind(documents, "Deployment"), of_kind(documents, "Service")
    for name, offset in SERVICE_PORTS.items():
        port = container(deployments[f"{dashed(name)}-api"])["ports"][0]["containerPort"]
        assert port == services[dashed(name)]["spec"]["ports"][0]["port"] == 8000 + offset
        if worker := deployments.get(f"{dashed(name)}-worker"):
            assert container(worker)["ports"][0]["containerPort"] == 8100 + offset
    assert container(deployments["relay"])["ports"][0]["containerPort"] == 8010


def test_every_process_is_probed_confined_and_given_time(documents: list[dict[str, Any]]) -> None:
    for name, deployment in of_kind(documents, "Deployment").items():
        if not ours(deployment):
            continue
        pod, app = deployment["spec"]["template"]["spec"], container(deployment)
        assert pod["terminationGracePeriodSeconds"] == 40, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert (
            of_kind(documents, "ServiceAccount")[pod["serviceAccountName"]]["automountServiceAccountToken"]
            is False
        )
        assert app["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert app["livenessProbe"]["httpGet"]["path"] == "/health", name
        assert app["readinessProbe"]["httpGet"]["path"] == "/ready", name
        assert {"requests", "limits"} <= set(app["resources"]), name
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(app["ports"][0]["containerPort"]), name


def test_every_worker_is_scaled_by_its_own_queues(documents: list[dict[str, Any]]) -> None:
    workers = {name for name in of_kind(documents, "Deployment") if name.endswith("-worker")}
    scaled = of_kind(documents, "ScaledObject")
    assert set(scaled) == workers
    for name, document in scaled.items():
        service = load_service(name.removesuffix("-worker").replace("-", "_"))
        assert document["spec"]["scaleTargetRef"]["name"] == name
        queries = [trigger["metadata"]["query"] for trigger in document["spec"]["triggers"]]
        pattern = re.search(r'queue=~"([^"]+)"', queries[0])
        assert pattern is not None
        assert all(re.fullmatch(pattern[1], queue) for queue in service.queues), name
        assert any("stream_lag" in query for query in queries) == bool(service.handlers), name


def test_a_node_may_leave_without_taking_a_service_along(documents: list[dict[str, Any]]) -> None:
    budgets = of_kind(documents, "PodDisruptionBudget")
    assert set(budgets) == {dashed(name) for name in (*SERVICE_PORTS, "relay")}


def test_nothing_is_reachable_that_no_rule_names(documents: list[dict[str, Any]]) -> None:
    deny = of_kind(documents, "NetworkPolicy")["deny-all"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def variables(workload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a container is given, by name; a Secret as a whole would be more than its own."""
    app = container(workload)
    assert not any("secretRef" in source for source in app["envFrom"]), workload["metadata"]["name"]
    return {variable["name"]: variable for variable in app["env"]}


def test_kubernetes_gives_a_secret_to_its_readers_alone(documents: list[dict[str, Any]]) -> None:
    for deployment in filter(ours, of_kind(documents, "Deployment").values()):
        process = deployment["metadata"]["labels"]["app"].replace("-", "_")
        assert set(variables(deployment)) & set(SECRET_READERS) == secrets_of(process)
    assert set(variables(of_kind(documents, "Job")["migrate"])) & set(SECRET_READERS) == {
        "DATABASE_APP_PASSWORD"
    }


def test_kubernetes_runs_every_service_as_a_login_that_owns_nothing(documents: list[dict[str, Any]]) -> None:
    for deployment in filter(ours, of_kind(documents, "Deployment").values()):
        given = variables(deployment)
        assert login_of(given["DATABASE_URL"]["value"]) == APP_ROLE
        secret = given["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert secret == {"name": "ridgeline-secrets", "key": "DATABASE_APP_PASSWORD"}
    owner = variables(of_kind(documents, "Job")["migrate"])
    assert owner["DATABASE_USER"]["valueFrom"]["secretKeyRef"]["name"] == "ridgeline-db-app"
    for config in of_kind(documents, "ConfigMap").values():
        assert "RIDGELINE_DATABASE_ROLES" not in config["data"]


def test_every_process_may_report_errors(documents: list[dict[str, Any]]) -> None:
    reports = of_kind(documents, "NetworkPolicy")["error-reports"]["spec"]
    assert reports["podSelector"] == {"matchLabels": {"ridgeline": "process"}}
    assert reports["egress"][0]["ports"] == [{"port": 443, "protocol": "TCP"}]


def test_production_knows_no_sandbox_and_pins_models_to_gpus() -> None:
    documents = built("prod")
    assert "sandbox" not in yaml.safe_dump_all(documents).lower().replace("sandboxes", "")
    worker = of_kind(documents, "Deployment")["ml-inference-worker"]
    pod = worker["spec"]["template"]["spec"]
    assert pod["nodeSelector"]
    assert pod["tolerations"]
    assert container(worker)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert of_kind(documents, "Deployment")["relay"]["spec"]["replicas"] == 2


def test_kubernetes_sets_only_settings_that_exist(documents: list[dict[str, Any]]) -> None:
    known = {name for kind in settings_classes() for name in variable_names(kind)}
    maps = {name: one for name, one in of_kind(documents, "ConfigMap").items() if "settings" in name}
    given = {name for one in maps.values() for name in one["data"]}
    assert given
    assert given - known - OF_LIBRARIES == set()
