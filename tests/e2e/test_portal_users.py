# SPDX-License-Identifier: Apache-2.0
"""What people without a role of administrators must know of to use what they were given. No host is needed.

Shows T033 (only what one has a permission on is listed), T045 (a permission on an object limits the list), T048 (access is given to
another user), T053 (a power user cannot edit a data center).
"""
import ovirtsdk4 as sdk
import ovirtsdk4.types as types
import pytest
import rest
from test_users import add_user, connect, permission


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("portal-users")) as made:
        yield made


@pytest.fixture(scope="module")
def system(manager):
    with manager.connect() as connection:
        yield connection.system_service()


def test_power_user_finds_the_place_for_a_vm(manager, system):
    """Who may make VMs below a data center sees its clusters, and no others; his VM is his to give."""
    center = next(d for d in system.data_centers_service().list() if d.name == "Default")
    other = system.data_centers_service().add(types.DataCenter(name="elsewhere", local=False))
    system.clusters_service().add(types.Cluster(name="not-his", data_center=types.DataCenter(id=other.id)))
    bob, ann = add_user(system, "bob"), add_user(system, "ann")
    system.data_centers_service().data_center_service(center.id).permissions_service().add(
        permission("PowerUserRole", user=types.User(id=bob.id)))
    with connect(manager, "bob") as c:
        his = c.system_service()
        assert [x.name for x in his.clusters_service().list()] == ["Default"]
        assert {"UserRole", "UserVmManager"} <= {r.name for r in his.roles_service().list()}
        assert [u.id for u in his.users_service().list()] == [bob.id]  # nothing to give yet
        vm = his.vms_service().add(types.Vm(name="bobs", cluster=types.Cluster(name="Default"), template=types.Template(name="Blank")))
        assert {u.id for u in his.users_service().list()} >= {ann.id, bob.id}
        role = next(r for r in his.roles_service().list() if r.name == "UserRole")
        his.vms_service().vm_service(vm.id).permissions_service().add(
            types.Permission(role=types.Role(id=role.id), user=types.User(id=ann.id)))
        with pytest.raises(sdk.Error):
            his.data_centers_service().data_center_service(center.id).update(types.DataCenter(description="his"))
    with connect(manager, "ann") as c:
        hers = c.system_service()
        assert [v.name for v in hers.vms_service().list()] == ["bobs"]
        assert hers.clusters_service().list() == [] and [u.id for u in hers.users_service().list()] == [ann.id]
