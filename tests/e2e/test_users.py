# SPDX-License-Identifier: Apache-2.0
"""Several people: users, groups, roles, permissions, passwords. No host is needed."""
import ovirtsdk4 as sdk
import ovirtsdk4.types as types
import pytest
import rest


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("users")) as made:
        yield made


@pytest.fixture(scope="module")
def system(manager):
    with manager.connect() as connection:
        yield connection.system_service()


def add_user(system, name, password="a-good-one", **kwargs):
    return system.users_service().add(types.User(user_name=name, password=password,
                                                 domain=types.Domain(name="internal-authz"), **kwargs))


def connect(manager, name, password="a-good-one"):
    return manager.connect(f"{name}@internal", password)


def permission(role, **kwargs):
    return types.Permission(role=types.Role(name=role), **kwargs)


def test_user_life(manager, system):
    """Add, log in, change, remove."""
    user = add_user(system, "mary", email="mary@example.org")
    assert user.user_name == "mary@internal-authz" and user.principal == "mary" and user.email == "mary@example.org"
    with pytest.raises(sdk.Error) as e:
        add_user(system, "MARY")
    assert "exists already" in str(e.value)
    with connect(manager, "mary") as c:
        me = c.system_service().users_service().list()
        assert [u.id for u in me] == [user.id]
        assert c.system_service().vms_service().list() == []
        service = system.users_service().user_service(user.id)
        service.update(types.User(password="another-one"))
        with pytest.raises(sdk.AuthError):  # the old session is over
            c.system_service().vms_service().list()
    with pytest.raises(sdk.AuthError):
        connect(manager, "mary").system_service().get()
    with connect(manager, "mary", "another-one") as c:
        c.system_service().get()
        service.remove()
        with pytest.raises(sdk.Error):
            c.system_service().get()
    with pytest.raises(sdk.NotFoundError):
        service.get()


@pytest.mark.parametrize("body, field", [
    (types.User(user_name="x y", domain=types.Domain(name="internal-authz")), "user_name"),
    (types.User(user_name="@internal-authz", domain=types.Domain(name="internal-authz")), "user_name"),
    (types.User(user_name="z", domain=types.Domain(name="elsewhere")), "user.domain"),
    (types.User(user_name="z", domain=types.Domain(name="internal-authz"), password="short"), "password"),
    (types.User(user_name="z", domain=types.Domain(name="internal-authz"), groups=[types.Group(name="nobody")]), "groups"),
])
def test_user_input(system, body, field):
    with pytest.raises(sdk.Error) as e:
        system.users_service().add(body)
    assert field in str(e.value)
    assert not [u for u in system.users_service().list() if u.principal in ("z", "x y")]


def test_password_page(manager, system):
    """Everybody changes his own password, with the old one."""
    add_user(system, "pat")
    ask = rest.Rest(manager)

    def post(**kwargs):
        return ask.session.post(ask.root + "/hostler/password", data=kwargs)

    assert post(user="pat@internal", password="wrong-one", new_password="yet-another").status_code == 400
    assert post(user="pat@internal", password="a-good-one", new_password="x").status_code == 400
    assert post(user="pat@internal", password="a-good-one", new_password="a-good-one").status_code == 400
    assert post(user="pat@internal", password="a-good-one", new_password="yet-another").status_code == 200
    with connect(manager, "pat", "yet-another") as c:
        c.system_service().get()


def test_permissions(manager, system):
    """A role on a VM shows and allows just that; through a group as well; the tree passes it down."""
    vms = system.vms_service()
    seen, other = [vms.add(types.Vm(name=f"perm{i}", cluster=types.Cluster(name="Default"),
                                    template=types.Template(name="Blank"))) for i in (1, 2)]
    ann = add_user(system, "ann")
    group = system.groups_service().add(types.Group(name="operators"))
    bob = add_user(system, "bob", groups=[types.Group(id=group.id)])
    assert [g.name for g in system.users_service().user_service(bob.id).groups_service().list()] == ["operators"]
    perms = vms.vm_service(seen.id).permissions_service()
    given = perms.add(permission("UserVmManager", user=types.User(id=ann.id)))
    perms.add(permission("UserRole", group=types.Group(id=group.id)))
    with pytest.raises(sdk.Error):
        perms.add(permission("UserRole", group=types.Group(id=group.id)))
    with connect(manager, "ann") as c:
        mine = c.system_service().vms_service()
        assert [v.name for v in mine.list()] == ["perm1"]
        mine.vm_service(seen.id).update(types.Vm(description="hers"))
        for refused in (lambda: mine.vm_service(other.id).get(), lambda: mine.vm_service(other.id).remove()):
            with pytest.raises(sdk.Error):
                refused()
        # she passes on what she has, and no more
        with pytest.raises(sdk.Error) as e:
            mine.vm_service(seen.id).permissions_service().add(permission("SuperUser", user=types.User(id=ann.id)))
        assert "permit" in str(e.value)
        with pytest.raises(sdk.Error):
            c.system_service().permissions_service().add(permission("SuperUser", user=types.User(id=ann.id)))
        with pytest.raises(sdk.Error):
            c.system_service().users_service().add(types.User(user_name="eve", domain=types.Domain(name="internal-authz")))
    with connect(manager, "bob") as c:
        mine = c.system_service().vms_service()
        assert [v.name for v in mine.list()] == ["perm1"]
        with pytest.raises(sdk.Error):
            mine.vm_service(seen.id).update(types.Vm(description="his"))
        system.groups_service().group_service(group.id).remove()
        assert mine.list() == []
    perms.permission_service(given.id).remove()
    with connect(manager, "ann") as c:
        assert c.system_service().vms_service().list() == []
        dc = system.data_centers_service().list()[0]
        system.data_centers_service().data_center_service(dc.id).permissions_service().add(
            permission("DataCenterAdmin", user=types.User(id=ann.id)))
        assert {"perm1", "perm2"} <= {v.name for v in c.system_service().vms_service().list()}
    perms.add(permission("UserRole", user=types.User(id=ann.id)))
    vms.vm_service(seen.id).remove()
    held = system.users_service().user_service(ann.id).permissions_service().list()
    assert [p.data_center is not None for p in held] == [True]
    vms.vm_service(other.id).remove()


def test_roles(manager, system):
    """Roles of one's own; the predefined ones stay as they are."""
    roles = system.roles_service()
    with pytest.raises(sdk.Error) as e:
        roles.add(types.Role(name="Sneaky", administrative=False, permits=[types.Permit(name="create_host")]))
    assert "administrators" in str(e.value)
    own = roles.add(types.Role(name="Starter", administrative=False, permits=[types.Permit(name="login"),
                                                                             types.Permit(name="run_vm")]))
    service = roles.role_service(own.id)
    assert {p.name for p in service.permits_service().list()} == {"login", "run_vm"}
    service.permits_service().add(types.Permit(name="stop_vm"))
    with pytest.raises(sdk.Error):
        service.permits_service().add(types.Permit(name="fly"))
    stop = [p for p in service.permits_service().list() if p.name == "stop_vm"][0]
    service.permits_service().permit_service(stop.id).remove()
    assert {p.name for p in service.permits_service().list()} == {"login", "run_vm"}
    fixed = [r for r in roles.list() if r.name == "UserRole"][0]
    for refused in (lambda: roles.role_service(fixed.id).remove(),
                    lambda: roles.role_service(fixed.id).update(types.Role(name="Mine")),
                    lambda: roles.role_service(fixed.id).permits_service().add(types.Permit(name="run_vm"))):
        with pytest.raises(sdk.Error) as e:
            refused()
        assert "predefined" in str(e.value)
    user = add_user(system, "carl")
    given = system.permissions_service().add(permission("Starter", user=types.User(id=user.id)))
    with pytest.raises(sdk.Error) as e:
        service.remove()
    assert "given" in str(e.value)
    assert [r.name for r in system.users_service().user_service(user.id).roles_service().list()] == ["Starter"]
    system.permissions_service().permission_service(given.id).remove()
    service.remove()


def test_the_way_in_stays(manager, system):
    """admin cannot be locked out by a slip."""
    admin = [u for u in system.users_service().list() if u.principal == "admin"][0]
    with pytest.raises(sdk.Error):
        system.users_service().user_service(admin.id).remove()
    for p in system.users_service().user_service(admin.id).permissions_service().list():
        if p.role.id == "00000000-0000-0000-0000-000000000001":
            with pytest.raises(sdk.Error):
                system.permissions_service().permission_service(p.id).remove()
    manager.stop()
    manager.start()
    with manager.connect() as c:
        assert c.system_service().get().product_info


def test_domain(system):
    """The directory's view."""
    domain = system.domains_service().list()[0]
    names = {u.principal for u in system.domains_service().domain_service(domain.id).users_service().list()}
    assert "admin" in names
