# SPDX-License-Identifier: Apache-2.0
"""An inventory of any size for a Manager that stands still: rows of its journal, made without it."""
import json
import os
import sqlite3
import uuid

HOSTS, CLUSTERS, DOMAINS, USERS, TAGS, TEMPLATES = 1000, 20, 40, 200, 100, 100
START = 1790000000000  # milliseconds; what is made is as old as that, or up to ten weeks younger


def mix(i):
    return (i * 2654435761 & 0xffffffff) >> 8


def ident(kind, i):
    """The same in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}-{i}"))


def ref(kind, i):
    return {"id": ident(kind, i)}


def vm_name(i):
    return f"{'web' if i % 2 else 'db'}-{mix(i) % 10 * 100000 + i:06}"


class Journal:
    def __init__(self, state):
        self.db = sqlite3.connect(os.path.join(state, "journal.db"))

    def first(self, kind, name):
        for (body,) in self.db.execute("SELECT body FROM entity WHERE kind = ?", (kind,)):
            if json.loads(body).get("name") == name:
                return json.loads(body)
        raise SystemExit(f"there is no {kind} {name}")

    def add(self, kind, bodies):
        self.db.executemany("INSERT INTO entity VALUES (?, ?, ?)", ((kind, b["id"], json.dumps(b, separators=(",", ":"))) for b in bodies))


def vm(pattern, i):
    made = {**pattern, **ref("vm", i), "name": vm_name(i), "cluster": ref("cluster", i % CLUSTERS), "template": ref("template", i % TEMPLATES),
            "memory": (1 + i % 64) << 28, "memory_policy": {"guaranteed": 1 << 28, "max": (1 + i % 64) << 30}, "creation_time": START + mix(i) % 100000 * 60000, "status": "down"}
    if i % 4 == 0:
        made["description"] = f"belongs to team {i % 300}"
    if i % 1000 == 3:
        made["comment"] = "wanted soon"
    if i % 3:
        made.update(status="paused" if i % 5000 == 1 else "up", host=ref("host", i % HOSTS), start_time=START + mix(i) % 100000 * 60000)
    return made


def disk(i):
    return {**ref("disk", i), "alias": f"disk-{i:06}", "name": f"disk-{i:06}", "provisioned_size": (1 + i % 100) << 30, "actual_size": 1 << 30, "format": "cow",
            "sparse": True, "status": "ok", "content_type": "data", "storage_type": "image", "storage_domains": [ref("domain", i % DOMAINS)], "is_attached": True}


def attachment(i):
    return {"id": ident("disk", i), "active": True, "bootable": True, "interface": "virtio_scsi", "disk": ref("disk", i), "vm": ref("vm", i)}


def permission(i, user, an_id):
    return {**ref("permission", i), "user": ref("user", user), "vm": {"id": an_id}, "role": {"id": "00000000-0000-0000-0001-000000000001"}}


def around(journal):
    """What VMs belong to, run on and are made of. Hosts are in maintenance: nobody tries to reach them."""
    cluster, blank, user = journal.first("cluster", "Default"), journal.first("template", "Blank"), journal.first("user", "admin")
    of = cluster["data_center"]
    journal.add("cluster", ({**cluster, **ref("cluster", i), "name": f"cluster-{i}"} for i in range(CLUSTERS)))
    journal.add("host", ({**ref("host", i), "name": f"host-{i:04}", "address": "127.0.0.1", "port": 1, "status": "maintenance", "type": "rhel",
                          "cluster": ref("cluster", i % CLUSTERS)} for i in range(HOSTS)))
    journal.add("storage_domain", ({**ref("domain", i), "name": f"nfs-{i}", "type": "data", "status": "maintenance", "available": i << 32, "used": 1 << 32,
                                    "data_center": of, "data_centers": [of]} for i in range(DOMAINS)))
    journal.add("user", ({**user, **ref("user", i), "name": f"user{i}", "user_name": f"user{i}@internal-authz", "principal": f"user{i}",
                          "domain_entry_id": ident("user", i)} for i in range(USERS)))
    journal.add("tag", ({**ref("tag", i), "name": f"tag-{i}", "parent": {"id": "00000000-0000-0000-0000-000000000000"}} for i in range(TAGS)))
    journal.add("template", ({**blank, **ref("template", i), "name": f"template-{i}"} for i in range(TEMPLATES)))


def fill(state, pattern, n):
    """n VMs as the one that is called so, each with a disk; a fifth of them tagged and a fifth of them with a user."""
    journal = Journal(state)
    like = journal.first("vm", pattern)
    around(journal)
    journal.add("vm", (vm(like, i) for i in range(n)))
    journal.add("disk", (disk(i) for i in range(n)))
    journal.add("disk_attachment", (attachment(i) for i in range(n)))
    journal.add("tag_assignment", ({**ref("assignment", i), "of_tag": ref("tag", i % TAGS), "vm": ref("vm", i * 5)} for i in range(n // 5)))
    journal.add("permission", (permission(i, i % USERS, ident("vm", i * 5 + 1)) for i in range(n // 5)))
    journal.db.commit()
    journal.db.close()
