# SPDX-License-Identifier: Apache-2.0
"""The dashboard's data: what there is, how full it is, what may fail, and lines of how it was."""
import time

import ovirtsdk4.types as types
import products
import pytest
import rest
from products import wait_for


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def ask(manager):
    return rest.Rest(manager)


@pytest.fixture(scope="module")
def shared(system):
    """A cluster whose hosts share what they have."""
    center = system.data_centers_service().add(types.DataCenter(name="shared", local=False))
    return system.clusters_service().add(types.Cluster(
        name="shared", data_center=types.DataCenter(id=center.id), cpu=types.Cpu(architecture=types.Architecture.X86_64)))


@pytest.fixture(scope="module")
def hosts(lab, manager, sdk, shared):
    made = [products.Agent(lab, n, manager) for n in (1, 2)]
    try:
        for agent in made:
            agent.enroll(sdk, shared)
        yield made
    finally:
        for agent in made:
            agent.stop()


def dashboard(ask):
    """As it is now: an answer is kept for two seconds."""
    time.sleep(max(0, getattr(ask, "asked", 0) + 2.1 - time.monotonic()))
    found = ask.get("/ovirt-engine/hostler/dashboard")
    ask.asked = time.monotonic()
    return found


def card(d, collection):
    return next(c for c in d["inventory"] if c["collection"] == collection)


def survival(ask, cluster):
    return next(c for c in dashboard(ask)["survival"]["clusters"] if c["id"] == cluster.id)


def survival_of(ask, cluster, n_vms):
    """It is looked at less often while the machine is busy."""
    return wait_for(lambda: (found := survival(ask, cluster))["all"]["vms"] == n_vms and found, 40, f"{n_vms} machines to be counted")


def add_vm(system, shared, name, **more):
    """It starts from the network, so it needs no storage."""
    vms = system.vms_service()
    vm = vms.add(types.Vm(name=name, cluster=types.Cluster(id=shared.id), template=types.Template(name="Blank"), memory=128 * 2**20,
                          memory_policy=types.MemoryPolicy(guaranteed=64 * 2**20, max=256 * 2**20),
                          os=types.OperatingSystem(boot=types.Boot(devices=[types.BootDevice.NETWORK])), **more))
    service = vms.vm_service(vm.id)
    products.wait_status(service, types.VmStatus.DOWN)
    service.nics_service().add(types.Nic(name="eth0"))
    return service


def test_nothing_yet(ask, manager):
    d = dashboard(ask)
    assert d["complete"] and card(d, "hosts")["total"] == 0 and card(d, "vms")["total"] == 0
    assert card(d, "datacenters")["total"] == 1 and d["utilization"]["memory"]["total"] == 0
    assert d["utilization"]["cpu"]["percent"] is None and d["top"]["cpu"]["hosts"] == []


def test_hosts(ask, system, hosts):
    """T091: memory of hosts, and who has most of it."""
    d = dashboard(ask)
    assert card(d, "hosts")["total"] == 2 and {p["state"]: p["count"] for p in card(d, "hosts")["parts"]} == {"up": 2}
    memory = sum(h.memory for h in system.hosts_service().list())
    assert d["utilization"]["memory"]["total"] == memory and 0 < d["utilization"]["memory"]["percent"] <= 100
    assert {h["name"] for h in d["top"]["memory"]["hosts"]} == {"host1", "host2"}


def test_hosts_are_found_by_their_usage(system, hosts):
    found = system.hosts_service().list
    assert len(found(search="mem_usage > 0 and cpu_usage >= 0")) == 2 and not found(search="mem_usage > 100")
    assert len(found(search="load >= 0")) == 2


def test_how_many_hosts_may_fail(ask, system, shared, hosts):
    before = survival(ask, shared)
    assert before["hosts_up"] == 2 and before["ha"]["vms"] == before["all"]["vms"] == 0
    steady = add_vm(system, shared, "steady", high_availability=types.HighAvailability(enabled=True, priority=1))
    steady.start()
    products.wait_status(steady, types.VmStatus.UP)
    one = survival_of(ask, shared, 1)
    assert one["ha"]["vms"] == one["all"]["vms"] == 1 and one["ha"]["survives"] == one["all"]["survives"] == 1 and one["ha"]["exact"]
    assert one["ha"]["failure"]["limit"] == "hosts" and one["ha"]["failure"]["n_hosts"] == 2
    assert [vm["name"] for vm in one["ha"]["failure"]["homeless"]] == ["steady"]
    where = {h["id"]: h for h in one["hosts"]}[steady.get().host.id]
    assert where["promised"] == where["promised_ha"] == 128 * 2**20 and where["vms"] == 1
    bound = add_vm(system, shared, "bound", placement_policy=types.VmPlacementPolicy(
        affinity=types.VmAffinity.PINNED, hosts=[types.Host(id=hosts[0].id)]))
    bound.start()
    products.wait_status(bound, types.VmStatus.UP)
    two = survival_of(ask, shared, 2)
    assert two["ha"]["survives"] == 1 and two["all"]["vms"] == 2 and two["all"]["survives"] == 0
    failure = two["all"]["failure"]
    assert failure["limit"] == "pinned" and [h["name"] for h in failure["hosts"]] == ["host1"]
    assert [vm["name"] for vm in failure["homeless"]] == ["bound"]
    products.stop_vm(bound)
    assert survival_of(ask, shared, 1)["all"]["survives"] == 1
    products.stop_vm(steady)


def test_lines_of_hosts(ask, system, hosts):
    """T091: memory and network of hosts, how they were."""
    def line():
        return ask.get(f"/ovirt-engine/hostler/history?path=hosts/{hosts[0].id}")["hour"]
    wait_for(lambda: len(line()["memory"]["values"]) > 1, 60, "two samples")
    got = line()["memory"]
    assert got["step"] == 30000 and abs(got["end"] / 1000 - time.time()) < 60 and 0 < got["values"][-1] <= 100
    statistics = {s.name: s for s in system.hosts_service().host_service(hosts[0].id).statistics_service().list()}
    for name in ("cpu", "memory", "network"):
        assert len(statistics[name + ".usage.history"].values) >= 2
    assert statistics["memory.usage.history"].values[0].datum > 0


def test_alerts_newest_first(ask, system):
    for n, severity in enumerate((types.LogSeverity.WARNING, types.LogSeverity.NORMAL, types.LogSeverity.ALERT)):
        system.events_service().add(types.Event(description=f"<b>news</b> {n}", severity=severity, origin="test", custom_id=n + 1))
    alerts = dashboard(ask)["alerts"]
    assert [(a["text"], a["severity"]) for a in alerts[:2]] == [("<b>news</b> 2", "alert"), ("<b>news</b> 0", "warning")]


def test_numbers_lead_to_what_they_count(ask, hosts):
    """Each search of a card lists as many as the card says."""
    d = dashboard(ask)
    checked = 0
    for one in d["inventory"]:
        for part in one["parts"]:
            answer = ask.call("GET", "/" + one["collection"], params={"search": part["search"]}, headers={"Accept": "application/json"})
            assert answer.status_code == 200, (part, answer.text)
            found = next(iter(answer.json().values()), [])
            assert len(found) == part["count"] or one["collection"] == "events", (one["collection"], part, len(found))
            checked += 1
    assert checked >= 4


def test_others_see_their_own(ask, system, manager, shared):
    user = system.users_service().add(types.User(user_name="viewer@internal-authz", password="Viewer-2026-x",
                                                 domain=types.Domain(name="internal-authz")))
    hers = rest.Rest(manager, "viewer@internal", "Viewer-2026-x")
    d = hers.get("/ovirt-engine/hostler/dashboard")
    assert not d["complete"] and d["survival"] is None and d["alerts"] == []
    assert {c: card(d, c)["total"] for c in ("vms", "hosts", "storagedomains")} == {"vms": 0, "hosts": 0, "storagedomains": 0}
    assert card(d, "events")["total"] <= 1  # that she logged in, if it is there already
    vm = next(v for v in system.vms_service().list() if v.name == "steady")
    assert hers.call("GET", f"/ovirt-engine/hostler/history?path=vms/{vm.id}").status_code == 404
    roles = {r.name: r for r in system.roles_service().list()}
    system.vms_service().vm_service(vm.id).permissions_service().add(types.Permission(
        role=types.Role(id=roles["UserRole"].id), user=types.User(id=user.id)))
    wait_for(lambda: card(dashboard(hers), "vms")["total"] == 1, 20, "her machine")
    lines = hers.get(f"/ovirt-engine/hostler/history?path=vms/{vm.id}")
    assert set(lines) == {"hour", "day"} and set(lines["hour"]) >= {"cpu", "memory", "rx", "tx", "read", "write"}


@pytest.mark.parametrize("path", ["", "?path=", "?path=vms/", "?path=vms/../../etc", "?path=hosts/00000000-0000-0000-0000-000000000000", "?path=" + "x" * 3000])
def test_bad_paths(ask, path):
    assert ask.call("GET", "/ovirt-engine/hostler/history" + path).status_code in (400, 404, 414)


def test_nobody_else(ask):
    for page in ("dashboard", "history?path=vms/x"):
        assert ask.call("GET", "/ovirt-engine/hostler/" + page, token=None).status_code == 401
        assert ask.call("GET", "/ovirt-engine/hostler/" + page, token="forged").status_code == 401
