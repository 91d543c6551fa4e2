# SPDX-License-Identifier: Apache-2.0
"""MAC pools: their ranges, who uses them, and the addresses that NICs get. Shows S104."""
import ovirtsdk4 as sdk
import ovirtsdk4.types as types
import pytest
import rest

PASSWORD = "a-good-one"


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("mac-pools")) as made:
        yield made


def connect(manager, user="admin@internal", password=None):
    return sdk.Connection(url=f"https://{manager.address}:{manager.port}/ovirt-engine/api", username=user, password=password or manager.password,
                          ca_file=manager.ca)


@pytest.fixture(scope="module")
def system(manager):
    with connect(manager) as connection:
        yield connection.system_service()


@pytest.fixture(scope="module")
def pools(system):
    return system.mac_pools_service()


def ranges(*pairs):
    return [types.Range(from_=first, to=last) for first, last in pairs]


def add(pools, name, *pairs, **more):
    return pools.add(types.MacPool(name=name, ranges=ranges(*pairs), **more))


def refused(code, text, call):
    with pytest.raises(sdk.Error) as failed:
        call()
    assert failed.value.code == code and text in str(failed.value), failed.value


def add_cluster(system, name, pool):
    return system.clusters_service().add(types.Cluster(name=name, data_center=types.DataCenter(name="Default"), mac_pool=pool))


def add_vm(system, name, cluster):
    vm = system.vms_service().add(types.Vm(name=name, cluster=types.Cluster(name=cluster), template=types.Template(name="Blank")))
    return system.vms_service().vm_service(vm.id)


def add_nic(vm, name="nic1", mac=None):
    return vm.nics_service().add(types.Nic(name=name, mac=mac and types.Mac(address=mac)))


def test_life(system, pools):
    made = add(pools, "lab", ("02:00:00:00:00:00", "02:00:00:ff:ff:ff"), ("02:00:02:00:00:00", "02:00:02:00:00:0F"), description="of the lab")
    assert not made.default_pool and not made.allow_duplicates and made.description == "of the lab"
    service = pools.mac_pool_service(made.id)
    assert [(r.from_, r.to) for r in service.get().ranges] == [("02:00:00:00:00:00", "02:00:00:ff:ff:ff"), ("02:00:02:00:00:00", "02:00:02:00:00:0F")]
    service.update(types.MacPool(name="lab2", ranges=ranges(("02:00:00:00:00:10", "02:00:00:00:00:1f"))))
    got = service.get()
    assert got.name == "lab2" and got.description == "of the lab" and [r.to for r in got.ranges] == ["02:00:00:00:00:1f"]
    refused(409, "", lambda: add(pools, "lab2", ("02:00:09:00:00:00", "02:00:09:00:00:01")))
    service.remove()
    refused(404, "", service.get)
    said = [e.description for e in system.events_service().list(max=10)]
    assert [text in said for text in ("MAC pool lab was added.", "MAC pool lab2 was updated.", "MAC pool lab2 was removed.")] == [True] * 3


@pytest.mark.parametrize("pairs, code, text", [
    ([], 400, "range"),
    ([("02:00:00:00:00:05", "02:00:00:00:00:04")], 400, "ends before it begins"),
    ([("02:00:00:00:00", "02:00:00:00:00:04")], 400, "no MAC address"),
    ([("02:00:00:00:00:00", "02-00-00-00-00-04")], 400, "no MAC address"),
    ([("02:00:00:00:00:0g", "02:00:00:00:00:04")], 400, "no MAC address"),
    ([("<script>", "x" * 5000)], 400, "no MAC address"),
    ([("01:00:5e:00:00:00", "01:00:5e:7f:ff:ff")], 400, "multicast"),
    ([("02:00:00:00:00:00", "02:00:00:00:00:04")] * 2, 409, "overlap"),
    ([("02:00:00:00:00:04", "02:00:00:00:00:08"), ("02:00:00:00:00:00", "02:00:00:00:00:04")], 409, "overlap"),
    ([("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")], 409, "MAC pool Default"),
    ([(f"02:00:00:{i // 256:02x}:{i % 256:02x}:00", f"02:00:00:{i // 256:02x}:{i % 256:02x}:01") for i in range(1001)], 400, "at most"),
])
def test_bad_ranges(pools, pairs, code, text):
    before = len(pools.list())
    refused(code, text, lambda: add(pools, "bad", *pairs))
    assert len(pools.list()) == before


def test_the_default(pools):
    default = next(p for p in pools.list() if p.default_pool)
    service = pools.mac_pool_service(default.id)
    refused(409, "default", service.remove)
    refused(400, "default", lambda: service.update(types.MacPool(default_pool=False)))
    refused(400, "default", lambda: add(pools, "other", ("02:00:00:00:00:00", "02:00:00:00:00:04"), default_pool=True))
    assert service.update(types.MacPool(description="of all")).default_pool


def test_of_a_cluster(system, pools):
    """Its NICs get their addresses there, until there are none; what is used stays."""
    pool = add(pools, "small", ("02:00:01:00:00:00", "02:00:01:00:00:02"))
    cluster = add_cluster(system, "small", pool)
    vm = add_vm(system, "small", "small")
    given = {add_nic(vm, f"nic{i}").mac.address for i in range(3)}
    assert given == {"02:00:01:00:00:00", "02:00:01:00:00:01", "02:00:01:00:00:02"}
    refused(409, "No MAC address is left in MAC pool small", lambda: add_nic(vm, "nic4"))
    service = pools.mac_pool_service(pool.id)
    refused(409, "small", service.remove)
    service.update(types.MacPool(ranges=ranges(("02:00:01:00:00:00", "02:00:01:00:00:03"))))
    assert add_nic(vm, "nic4").mac.address == "02:00:01:00:00:03"
    add_nic(vm, "nic5", "02:99:00:00:00:01")  # by hand, from outside
    other = add(pools, "other", ("02:00:03:00:00:00", "02:00:03:00:00:0f"))
    refused(409, "MAC pool small", lambda: pools.mac_pool_service(other.id).update(types.MacPool(ranges=ranges(("02:00:01:00:00:02", "02:00:03:00:00:00")))))
    system.clusters_service().cluster_service(cluster.id).update(types.Cluster(mac_pool=other))
    assert system.clusters_service().cluster_service(cluster.id).get().mac_pool.id == other.id
    assert add_nic(vm, "nic6").mac.address.startswith("02:00:03:")
    service.remove()
    vm.remove()


def test_duplicates(system, pools):
    """Two of the same only where that is allowed, and no way back while there are."""
    loose = add(pools, "loose", ("02:00:04:00:00:00", "02:00:04:00:00:0f"), allow_duplicates=True)
    strict = add(pools, "strict", ("02:00:05:00:00:00", "02:00:05:00:00:0f"))
    cluster = add_cluster(system, "loose", loose)
    add_cluster(system, "strict", strict)
    first, second, third = add_vm(system, "first", "loose"), add_vm(system, "second", "loose"), add_vm(system, "third", "strict")
    for vm in (first, second):
        add_nic(vm, mac="02:00:04:00:00:07")
    refused(409, "02:00:04:00:00:07", lambda: add_nic(third, mac="02:00:04:00:00:07"))
    service = pools.mac_pool_service(loose.id)
    refused(409, "02:00:04:00:00:07", lambda: service.update(types.MacPool(allow_duplicates=False)))
    refused(409, "02:00:04:00:00:07", lambda: system.clusters_service().cluster_service(cluster.id).update(types.Cluster(mac_pool=strict)))
    second.remove()
    assert not service.update(types.MacPool(allow_duplicates=False)).allow_duplicates
    assert system.clusters_service().cluster_service(cluster.id).update(types.Cluster(mac_pool=strict)).mac_pool.id == strict.id


def test_vast(system, pools):
    """Over 16 million addresses, multicast ones left out, found at once."""
    for name, first, last, good in (("vast", "06:00:00:00:00:00", "0a:ff:ff:ff:ff:ff", ("06", "08", "0a")), ("edge", "03:ff:ff:ff:ff:f0", "04:00:00:00:00:00", ("04",))):
        add_cluster(system, name, add(pools, name, (first, last)))
        vm = add_vm(system, name, name)
        for i in range(8 if name == "vast" else 1):
            assert add_nic(vm, f"nic{i}").mac.address[:2] in good


def test_who_may(manager, system, pools):
    """A user sees pools but changes none; with MacPoolAdmin on one he may do with that one what he likes."""
    user = system.users_service().add(types.User(user_name="ann@internal-authz", password=PASSWORD, domain=types.Domain(name="internal-authz")))
    pool = add(pools, "hers", ("02:00:06:00:00:00", "02:00:06:00:00:0f"))
    system.permissions_service().add(types.Permission(role=types.Role(name="ClusterAdmin"), user=types.User(id=user.id)))
    roles = {r.name: r.id for r in system.roles_service().list()}
    with connect(manager, "ann@internal", PASSWORD) as connection:
        hers = connection.system_service().mac_pools_service()
        refused(403, "", lambda: add(hers, "mine", ("02:00:07:00:00:00", "02:00:07:00:00:0f")))
        refused(403, "", lambda: hers.mac_pool_service(pool.id).update(types.MacPool(name="mine")))
        refused(403, "", hers.mac_pool_service(pool.id).remove)
        pools.mac_pool_service(pool.id).permissions_service().add(
            types.Permission(role=types.Role(id=roles["MacPoolAdmin"]), user=types.User(id=user.id)))
        hers.mac_pool_service(pool.id).update(types.MacPool(name="mine"))
        hers.mac_pool_service(pool.id).remove()
