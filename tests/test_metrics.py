"""/metrics: what is counted, who may read it, and that nothing of a visitor is in it."""

import json
import os
import re
import subprocess
import sys

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from bot.paths import DATA, ROOT
from bot.safety import SafetyCheck
from bot.store.database import StoreFault
from bot.web.app import create_app
from tests.conftest import ENVIRONMENT, StandInForRasa
from tests.exchange import before
from tests.product import free_port

DANGER = "I am soaking a pad every hour"
TOKEN = "a-token-that-is-long-enough"
HERE = ("127.0.0.1", 5000)


@pytest.fixture(scope="module")
def safety() -> SafetyCheck:
    return SafetyCheck(DATA / "safety.yml")


@pytest.fixture
def start(renderer, safety):
    """Return a function that makes a front server, before a stand-in for Rasa, as seen from this machine."""

    def make(client=HERE, **settings):
        stand_in = StandInForRasa(renderer)
        rasa = before(stand_in)
        app = create_app({**ENVIRONMENT, **settings}, rasa, safety)
        return TestClient(app, raise_server_exceptions=False, client=client), stand_in

    return make


def figures(site) -> dict[str, float]:
    """Return each sample by its name and labels, as Prometheus reads them."""
    text = site.get("/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        " ".join([sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]): sample.value
        for sample in samples
    }


def test_replies_are_counted_by_kind(start):
    site, _ = start()
    for text in ("what causes it", "and tests", DANGER):
        site.post("/api/chat", json={"text": text})
    counted = figures(site)
    assert counted["clinic_replies_total kind=answer"] == 2
    assert counted["clinic_replies_total kind=urgent"] == 1
    assert counted["clinic_safety_replies_total kind=urgent level=E"] == 1
    assert counted["clinic_latches"] == 1


def test_each_stage_is_timed(start):
    site, _ = start()
    site.post("/api/chat", json={"text": "what causes it"})
    counted = figures(site)
    for stage in ("safety", "rasa", "turn"):
        assert counted[f"clinic_stage_seconds_count stage={stage}"] == 1
        assert 0 < counted[f"clinic_stage_seconds_sum stage={stage}"] < 5


def test_requests_are_counted_by_route_and_never_by_what_was_asked_for(start):
    site, _ = start()
    site.get("/api/answers/causes/pcos")
    site.get("/api/answers/my-own-name")
    site.get("/my-own-name")
    site.request("MYNAME", "/")
    counted = figures(site)
    assert counted["clinic_http_requests_total method=GET route=/api/answers/{id:path} status=200"] == 1
    assert counted["clinic_http_requests_total method=GET route=/api/answers/{id:path} status=404"] == 1
    assert counted["clinic_http_requests_total method=GET route=other status=404"] == 1
    assert counted["clinic_http_requests_total method=other route=/ status=405"] == 1


def test_a_failure_behind_the_server_is_counted(start):
    site, rasa = start()
    rasa.respond = lambda request: httpx.Response(200, json=[])
    site.post("/api/chat", json={"text": "hi"})
    counted = figures(site)
    assert counted["clinic_dependency_failures_total dependency=rasa reason=no reply"] == 1
    assert counted["clinic_replies_total kind=unavailable"] == 1
    assert counted["clinic_rasa_waiting"] == 0


def test_a_redis_that_is_away_is_counted_by_whoever_asked_it(start):
    site, _ = start(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    site.post("/api/chat", json={"text": DANGER})  # the latch: no limit is asked before it
    failed = "clinic_dependency_failures_total dependency=redis reason=ConnectionError"
    assert figures(site)[failed] == 1


def test_a_database_that_is_away_is_counted(start):
    site, _ = start(DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    site.app.state.counts.feedback("causes/pcos", True, "1")
    with pytest.raises(StoreFault):
        site.app.state.counts.write()
    assert figures(site)["clinic_dependency_failures_total dependency=database reason=OperationalError"] == 1


def test_a_refusal_is_counted_by_its_limit(start):
    site, _ = start(RATE_ADDRESS="1/minute", RATE_OTHER="1/minute")
    visitor = TestClient(site.app, client=("203.0.113.9", 40_000))
    for _ in range(2):
        visitor.post("/api/chat", json={"text": "hi"})
        visitor.get("/api/answers")
    counted = figures(site)
    assert counted["clinic_limited_total limit=address"] == 1
    assert counted["clinic_limited_total limit=other"] == 1


def test_when_it_began_and_what_it_says_is_told(start, answers):
    counted = figures(start()[0])
    assert counted["clinic_start_time_seconds"] > 1_700_000_000
    assert counted[f"clinic_content_info version={answers.version}"] == 1


def test_nothing_of_a_visitor_is_in_it(start):
    site, rasa = start()
    conversation = site.post("/api/chat", json={"text": "Zanzibar Quillfeather"}).json()["conversation"]
    rasa.respond = lambda request: httpx.Response(500, text="Zanzibar")
    site.post("/api/chat", json={"text": f"Zanzibar {DANGER}", "conversation": conversation})
    site.get("/Zanzibar", headers={"User-Agent": "Zanzibar", "Referer": "https://x.example/Zanzibar"})
    site.request("ZANZIBAR", "/api/chat")
    text = site.get("/metrics").text
    assert "zanzibar" not in text.lower()
    assert conversation[:8] not in text
    assert "127.0.0.1" not in text


# Who may read it.


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.1"])
def test_this_machine_may_read_it(start, address):
    assert start(client=(address, 1))[0].get("/metrics").status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "10.0.0.1", "testclient"])
def test_nobody_else_may_without_a_token(start, address, clinic):
    response = start(client=(address, 1))[0].get("/metrics")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "metrics_closed"
    assert "METRICS_TOKEN" in response.json()["error"]["message"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_this_machine(start, header):
    assert start()[0].get("/metrics", headers={header: "192.0.2.1"}).status_code == 403


def test_a_visitor_cannot_say_to_be_this_machine(start):
    site, _ = start(client=("192.0.2.7", 1), TRUSTED_PROXIES="192.0.2.7")
    assert site.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403


def test_with_a_token_it_opens_from_anywhere_and_without_from_nowhere(start):
    for address in ("127.0.0.1", "192.0.2.1"):
        site, _ = start(client=(address, 1), METRICS_TOKEN=TOKEN)
        assert site.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        for wrong in ("", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"):
            refused = site.get("/metrics", headers={"Authorization": wrong.encode()})
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"


# Several workers.

WORKER = """
import os, sys
from bot.web.metrics import Metrics
metrics = Metrics("v1")
metrics.replied([{"kind": "answer", "level": None}])
metrics.latches.set(2)
print(metrics.text().decode())
"""


def test_any_worker_answers_for_all_and_the_dead_are_buried(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    texts = [
        subprocess.run(
            [sys.executable, "-c", WORKER], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    ]
    assert 'clinic_replies_total{kind="answer"} 3.0' in texts[-1]
    assert "clinic_latches 2.0" in texts[-1]  # the other two are gone, and with them their chats
    assert 'clinic_content_info{version="v1"} 1.0' in texts[-1]


# What is made from it.

NAMES = re.compile(r"\bclinic_\w+")


def exported(start) -> set[str]:
    names: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", start()[0].get("/metrics").text, re.MULTILINE):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def test_the_dashboard_asks_only_for_what_there_is(start):
    dashboard = json.loads((ROOT / "ops" / "grafana" / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(asked) >= 12
    assert {name for expression in asked for name in NAMES.findall(expression)} <= exported(start)


def test_the_alerts_ask_only_for_what_there_is(start):
    from bot.yaml_files import read_yaml

    rules = [rule for group in read_yaml(ROOT / "ops" / "alerts.yml", "groups") for rule in group["rules"]]
    assert {name for rule in rules for name in NAMES.findall(rule["expr"])} <= exported(start)
    assert all(rule["annotations"]["summary"] and rule["annotations"]["action"] for rule in rules)


@pytest.mark.parametrize("command", [["check", "rules", "ops/alerts.yml"], ["test", "rules", "tests/alerts_test.yml"]])
def test_the_alerts_are_what_prometheus_takes_and_fire_when_they_should(command):
    promtool = ROOT / ".tools" / "promtool"
    assert promtool.exists(), "run scripts/install_promtool.sh"
    done = subprocess.run([promtool, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_expressions_of_the_dashboard_are_valid(tmp_path):
    dashboard = json.loads((ROOT / "ops" / "grafana" / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(asked)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([ROOT / ".tools" / "promtool", "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
