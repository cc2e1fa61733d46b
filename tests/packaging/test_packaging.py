"""What an operator relies on in the image, the compose file, the manifests and the Makefile."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.errors import StartError
from app.settings import load_settings

REPOSITORY = Path(__file__).parents[2]
DRAIN_SECONDS = 20  # what the service gives its work to end
KUBERNETES = sorted((REPOSITORY / "deploy/kubernetes").glob("*.yaml"))


def compose() -> Any:
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())


def objects() -> dict[tuple[str, str], Any]:
    found = [each for path in KUBERNETES for each in yaml.safe_load_all(path.read_text())]
    return {(each["kind"], each.get("metadata", {}).get("name", "")): each for each in found}


def pod() -> Any:
    return objects()["Deployment", "segue"]["spec"]["template"]["spec"]


def dockerfile() -> list[str]:
    return (REPOSITORY / "Dockerfile").read_text().splitlines()


def seconds(duration: str) -> int:
    match = re.fullmatch(r"(\d+)s", duration)
    assert match
    return int(match[1])


@pytest.mark.parametrize("service", ["segue", "replica"])
def test_compose_services_are_confined_and_have_time_to_drain(service: str) -> None:
    settings = compose()["services"][service]
    assert seconds(settings["stop_grace_period"]) > DRAIN_SECONDS
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in settings["security_opt"]
    assert any(place.startswith("/tmp") for place in settings["tmpfs"])  # noqa: S108  # a mount in the container
    assert settings["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert all(volume.endswith(":ro") for volume in settings["volumes"])


@pytest.mark.parametrize(("service", "ports"), [("segue", (8080, 9090)), ("replica", (8081, 9091))])
def test_compose_keeps_operators_apart_and_publishes_nothing_by_itself(service: str, ports: tuple[int, int]) -> None:
    settings = compose()["services"][service]
    senders, operators = ports
    assert settings["environment"]["SEGUE_ADMIN_PORT"] == "9090"
    assert settings["ports"] == [f"${{BIND_ADDRESS:-127.0.0.1}}:{senders}:8080", f"127.0.0.1:{operators}:9090"]
    assert "ports" not in compose()["services"]["postgres"]


def test_compose_holds_no_secret_and_one_database_for_both_replicas() -> None:
    services = compose()["services"]
    url = services["segue"]["environment"]["SEGUE_DATABASE_URL"]
    assert url == services["replica"]["environment"]["SEGUE_DATABASE_URL"]
    assert ":${POSTGRES_PASSWORD:?" in url
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert services["postgres"]["healthcheck"]["test"][1] == "pg_isready"
    assert services["replica"]["profiles"] == ["replica"]
    assert "profiles" not in services["segue"]


def test_the_kustomization_names_every_manifest() -> None:
    named = set(objects()["Kustomization", ""]["resources"])
    assert named == {path.name for path in KUBERNETES} - {"kustomization.yaml"}


def test_the_pod_meets_the_restricted_standard() -> None:
    """Source: the "Restricted" policy of Kubernetes' Pod Security Standards, and a read-only root beyond it."""
    for_all, own = pod()["securityContext"], pod()["containers"][0]["securityContext"]
    assert for_all["runAsNonRoot"] is True
    assert for_all["runAsUser"] == 10001
    assert for_all["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] is True
    assert pod()["automountServiceAccountToken"] is False


def test_kubernetes_adds_no_variables_that_are_no_settings() -> None:
    """A Service called `segue` gives pods SEGUE_SERVICE_HOST, with which Segue would not start."""
    added = {"SEGUE_SERVICE_HOST": "10.0.0.1", "SEGUE_PORT_80_TCP": "tcp://10.0.0.1:80"}
    with pytest.raises(StartError, match="SEGUE_SERVICE_HOST: there is no such setting"):
        load_settings(added)
    assert pod()["enableServiceLinks"] is False


def test_only_the_ingress_and_monitoring_reach_the_pod_and_it_reaches_what_it_needs() -> None:
    policy = objects()["NetworkPolicy", "segue"]["spec"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "segue"}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    let_in = {
        rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["ingress"]
    }
    assert let_in == {"http": "ingress-nginx", "admin": "monitoring"}
    assert all(len(rule["from"]) == len(rule["ports"]) == 1 for rule in policy["ingress"])
    assert let_in.keys() == {port["name"] for port in pod()["containers"][0]["ports"]}
    let_out = {(port["port"], port.get("protocol", "TCP")) for rule in policy["egress"] for port in rule["ports"]}
    assert let_out == {(53, "UDP"), (53, "TCP"), (5432, "TCP"), (443, "TCP")}
    web = next(rule for rule in policy["egress"] if rule["ports"][0]["port"] == 443)
    assert "169.254.0.0/16" in web["to"][0]["ipBlock"]["except"]


def test_the_pod_has_time_to_drain() -> None:
    before = int(pod()["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod()["terminationGracePeriodSeconds"] > DRAIN_SECONDS + before


def test_probes_ask_the_public_listener_and_life_depends_on_nothing_else() -> None:
    container = pod()["containers"][0]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["path"] for name, probe in paths.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert {probe["port"] for probe in paths.values()} == {"http"}
    environment = objects()["ConfigMap", "segue-environment"]["data"]
    assert ports == {"http": environment["SEGUE_PORT"], "admin": environment["SEGUE_ADMIN_PORT"]}


def test_the_manifests_fit_together() -> None:
    found = objects()
    labels = found["Deployment", "segue"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["Deployment", "segue"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget", "segue"]["spec"]["selector"]["matchLabels"],
        found["Service", "segue"]["spec"]["selector"],
        found["Service", "segue-admin"]["spec"]["selector"],
    ]
    assert all(selector == labels for selector in selectors)
    replicas = found["Deployment", "segue"]["spec"]["replicas"]
    assert found["PodDisruptionBudget", "segue"]["spec"]["minAvailable"] < replicas
    assert [port["targetPort"] for port in found["Service", "segue"]["spec"]["ports"]] == ["http"]
    named = {next(iter(each.values()))["name"] for each in pod()["containers"][0]["envFrom"]}
    assert named == {"segue-environment", "segue-secrets"}
    mounted = {mount["name"] for mount in pod()["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod()["volumes"]}


def test_the_sample_rules_name_only_secrets_that_the_sample_secret_has() -> None:
    rules = objects()["ConfigMap", "segue-rules"]["data"]["rules.yaml"]
    assert yaml.safe_load(rules)["version"] == 1
    assert set(re.findall(r"\$\{(\w+)\}", rules)) <= set(objects()["Secret", "segue-secrets"]["stringData"])


def test_the_image_runs_without_privileges_on_locked_requirements() -> None:
    lines = dockerfile()
    assert "USER 10001:10001" in lines
    assert any("--uid 10001" in line for line in lines)
    assert "STOPSIGNAL SIGTERM" in lines
    assert "EXPOSE 8080 9090" in lines
    assert any('CMD ["python", "-m", "app.cli.health"]' in line for line in lines)
    assert 'ENTRYPOINT ["python", "-m", "app"]' in lines
    assert 'CMD ["serve"]' in lines
    assert any("--require-hashes" in line for line in lines)
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.13-slim(@sha256:[0-9a-f]{64})?", bases[0])


def test_the_image_carries_its_list_of_parts() -> None:
    """What docs name: made from what the image runs, by a tool that is not in it."""
    text = (REPOSITORY / "Dockerfile").read_text()
    assert "sbom.py /opt/segue/bin/python /srv/segue/sbom.cdx.json" in text
    assert "COPY --from=build /srv/segue /srv/segue" in text
    assert "/opt/sbom" not in text[text.rindex("FROM ") :]
    assert "/srv/segue/sbom.cdx.json" in (REPOSITORY / "docs/operating.md").read_text()


def test_the_image_is_given_what_it_copies() -> None:
    """A .dockerignore that starts from nothing must let in every source of a COPY."""
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    own = [line.split() for line in dockerfile() if line.startswith("COPY ") and "--from" not in line]
    copied = {name for words in own for name in words[1:-1]}
    assert copied <= allowed


def test_make_alone_prints_every_target() -> None:
    targets = {
        "setup",
        "demo",
        "run",
        "test",
        "lint",
        "audit",
        "sbom",
        "pin",
        "bench",
        "crash",
        "shots",
        "lock",
        "upgrade",
        "clean",
    }
    asked = ["make", "--no-print-directory", "-C", str(REPOSITORY)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout  # fixed words
    assert set(re.findall(r"^  make (\w+) ", said, re.MULTILINE)) >= targets


@pytest.mark.parametrize(
    "script", ["deploy/install.sh", "deploy/chromium.sh", "deploy/lint.sh", "deploy/lock.sh", ".ci/run"]
)
def test_scripts_are_well_formed_and_stop_at_the_first_error(script: str) -> None:
    path = REPOSITORY / script
    shell = "bash" if "bash" in path.read_text().splitlines()[0] else "sh"
    subprocess.run([f"/bin/{shell}", "-n", path], check=True)  # read, not run
    assert re.search(r"^set -eu", path.read_text(), re.MULTILINE)
