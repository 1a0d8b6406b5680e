"""The files in ops/ that no test can start here: right by Kubernetes' own schemas, and in step with each other."""

import itertools
import re

import kubernetes_validate
import pytest
import yaml

from bot.paths import ROOT

FOLDER = ROOT / "ops" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
RESOURCES = [
    resource for name in KUSTOMIZATION["resources"] for resource in yaml.safe_load_all((FOLDER / name).read_text())
]
VERSION = "1.28"
COMPOSE = yaml.safe_load((ROOT / "ops" / "compose.yml").read_text())
OURS = "clinic-bot"


def of_kind(*kinds: str) -> dict[str, dict]:
    return {each["metadata"]["name"]: each for each in RESOURCES if each["kind"] in kinds}


WORKLOADS = of_kind("Deployment", "StatefulSet")
PODS = {name: each["spec"]["template"] for name, each in WORKLOADS.items()}
CONTAINERS = [(name, each) for name, pod in PODS.items() for each in pod["spec"]["containers"]]


def name_of(value) -> str:
    if isinstance(value, dict):
        return f"{value.get('kind', '')} {value.get('name') or value.get('metadata', {}).get('name')}"
    return str(value)


# Kubernetes.


@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
def test_every_resource_is_as_kubernetes_has_it(resource):
    kubernetes_validate.validate(resource, VERSION, strict=True)


def test_the_schemas_would_tell_a_fault():
    wrong = {**WORKLOADS["front"], "spec": {**WORKLOADS["front"]["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_every_file_of_the_folder_is_used():
    assert sorted(KUSTOMIZATION["resources"]) == sorted(
        path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml"
    )


@pytest.mark.parametrize(("workload", "container"), CONTAINERS, ids=name_of)
def test_every_container_is_watched_limited_and_confined(workload, container):
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert container["resources"]["limits"]["memory"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not PODS[workload]["spec"]["automountServiceAccountToken"]


def test_a_front_server_is_reached_also_where_nothing_behind_it_works():
    """It gives the number to call by itself: taking it out because Rasa is down would be the worst of all."""
    (front,) = PODS["front"]["spec"]["containers"]
    assert {front[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")} == {"/healthz"}


def test_a_front_server_is_started_as_everywhere_else_with_its_limits_on_connections():
    (front,) = PODS["front"]["spec"]["containers"]
    assert front["command"] == ["python", "-m", "bot.web.serve"]
    assert {"name": "HOST", "value": "0.0.0.0"} in front["env"]


@pytest.mark.parametrize("name", ["front", "rasa"])
def test_one_of_each_stays_while_machines_are_taken_down(name):
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    assert budget["minAvailable"] == 1 < WORKLOADS[name]["spec"]["replicas"]
    assert budget["selector"]["matchLabels"] == PODS[name]["metadata"]["labels"]


@pytest.mark.parametrize("service", [name for name in of_kind("Service") if name != "nowhere"])
def test_every_service_leads_to_a_port_of_its_pods(service):
    spec = of_kind("Service")[service]["spec"]
    pod = PODS[spec["selector"]["app"]]["spec"]["containers"]
    ports = {port["name"] for container in pod for port in container.get("ports", ())}
    assert {port["targetPort"] for port in spec["ports"]} <= ports


def environment(container: dict) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container.get("env", ())}


def test_the_front_servers_know_every_rasa_by_its_name():
    (front,) = PODS["front"]["spec"]["containers"]
    port = of_kind("Service")["rasa"]["spec"]["ports"][0]["port"]
    names = [f"http://rasa-{number}.rasa:{port}" for number in range(WORKLOADS["rasa"]["spec"]["replicas"])]
    assert environment(front)["RASA_URLS"].split(",") == names


def test_front_servers_and_rasa_share_one_redis():
    given = [environment(each) for _, each in CONTAINERS]
    assert {each["REDIS_URL"] for each in given if "REDIS_URL" in each} == {"redis://redis:6379/0"}
    assert sum("REDIS_URL" in each for each in given) == 2


def test_the_action_server_listens_to_its_own_rasa_alone():
    rasa, actions = PODS["rasa"]["spec"]["containers"]
    assert environment(actions)["SANIC_HOST"] == "127.0.0.1"
    assert environment(rasa)["ACTIONS_URL"] == f"http://127.0.0.1:{actions['command'][-1]}/webhook"


# Who may speak to whom.


def pods_that_may_reach(app: str) -> set[str]:
    """Return the apps that the policies let reach an app; a namespace that is let in is named as such."""
    policies = [each["spec"] for each in of_kind("NetworkPolicy").values()]
    allowed = [each for each in policies if each["podSelector"].get("matchLabels") == {"app": app}]
    peers = itertools.chain(*(rule["from"] for each in allowed for rule in each.get("ingress", ())))
    return set(itertools.chain.from_iterable(map(names_of_peer, peers)))


def names_of_peer(peer: dict) -> list[str]:
    if "namespaceSelector" in peer:
        return [f"namespace {name}" for name in peer["namespaceSelector"]["matchLabels"].values()]
    selector = peer["podSelector"]
    if "matchLabels" in selector:
        return [selector["matchLabels"]["app"]]
    return [name for each in selector["matchExpressions"] for name in each["values"]]


def test_nothing_is_allowed_that_is_not_listed():
    assert of_kind("NetworkPolicy")["nothing-unless-allowed"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_rasa_is_reached_by_the_front_servers_alone():
    assert pods_that_may_reach("rasa") == {"front"}
    assert pods_that_may_reach("redis") == {"front", "rasa"}
    assert pods_that_may_reach("postgres") == {"front"}
    assert {each["spec"]["rules"][0]["http"]["paths"][-1]["backend"]["service"]["name"]
            for each in of_kind("Ingress").values()} == {"front"}  # fmt: skip


def test_no_pod_reaches_out_of_the_cluster():
    rules = [rule for each in of_kind("NetworkPolicy").values() for rule in each["spec"].get("egress", ())]
    assert all(peer.get("podSelector") for rule in rules for peer in rule["to"])


# Redis and secrets, in both.


@pytest.mark.parametrize(
    "command",
    [PODS["redis"]["spec"]["containers"][0]["command"], COMPOSE["services"]["redis"]["command"]],
    ids=["kubernetes", "compose"],
)
def test_redis_writes_nothing_to_a_disk(command):
    assert command[command.index("--save") + 1] == ""
    assert command[command.index("--appendonly") + 1] == "no"


def test_no_secret_is_written_down():
    for path in [*FOLDER.glob("*.yaml"), ROOT / "ops" / "compose.yml"]:
        for name in ("CLINIC_SECRET", "DATABASE_PASSWORD"):
            for line in path.read_text().splitlines():
                assert not re.search(rf"{name}['\"]?\s*[:=]\s*['\"]?[\w]", line), f"{path.name}: {line}"


# Compose and the image.


def test_only_loopback_is_opened_on_the_host():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_has_what_rasa_must_not_do_without():
    told = (ROOT / "Dockerfile").read_text()
    for setting in ("RASA_TELEMETRY_ENABLED=false", "LOG_LEVEL=INFO", "FORGET_AFTER_MINUTES=30", "USER 10001"):
        assert setting in told
