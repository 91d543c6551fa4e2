/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a virtual machine is, as the domain that libvirt starts. Pure: structs in, text out; no inventory, no clock, no
 * chance, so that it can be tested by pairs of files.
 */
#include "base/err.h"
#include "base/pool.h"
#include "model/types.h"

/* The bridge name by which agents know a NIC that is in no network. */
#define DOMAIN_NO_NETWORK ";vdsmdummy;"

/* Where a volume is. */
struct volume_ids {
	const char *pool, *domain, *image, *volume;
};

struct domain_disk_spec {
	const struct m_disk *disk;
	const struct m_disk_attachment *attachment;
	const char *path; /* /rhev/data-center/POOL/DOMAIN/images/IMAGE/VOLUME */
	struct volume_ids ids;
	const char *target; /* "vda"; NULL: chosen by position */
};

struct domain_nic_spec {
	const struct m_nic *nic;
	const char *bridge; /* NULL: in no network */
	const char *filter; /* name of a network filter that the host has, or NULL */
	int64_t mtu;        /* 0: the host's choice */
	bool is_mirrored;   /* sees all packets of its bridge */
};

/* Files that the guest finds on a small medium which the agent makes (cloud-init, sysprep, payloads of the VM). */
struct domain_payload_file {
	const char *path; /* "openstack/latest/user_data" */
	const void *data;
	size_t size;
};

struct domain_payload {
	bool is_floppy;    /* else a CD */
	const char *label; /* volume id: "config-2", "cidata"; NULL: the agent's choice */
	struct domain_payload_file *files;
	size_t n_files;
};

struct domain_spec {
	const struct m_vm *vm; /* as it is to run: overrides of a run-once are merged in already */
	const struct m_cluster *cluster;
	struct domain_disk_spec *disks;
	size_t n_disks;
	struct domain_nic_spec *nics;
	size_t n_nics;
	const char *cd_path; /* NULL: the drive is empty */
	struct volume_ids cd_ids;
	struct domain_payload *payloads;
	size_t n_payloads;
	const char *display_network; /* bridge of the network that consoles listen on, or NULL */
	/* the host */
	bool has_kvm;
	const char *const *machines; /* emulated machines, NULL-terminated; NULL: unknown */
	/* of this start alone; NULL, 0: as the VM says */
	const char *kernel, *initrd, *cmdline;
	const enum m_boot_device *boot;
	size_t n_boot;
	bool is_paused;
};

/* The domain's XML, in the pool. ERR_UNSUPPORTED when the VM asks for what cannot be had. Targets of disks are filled in. */
char *domain_xml(struct pool *p, struct domain_spec *s, struct err *e);

/* One device with its data for VM.hotplugNic, VM.hotunplugNic. */
char *domain_nic_plug_xml(struct pool *p, const struct domain_nic_spec *n);
/* ... VM.hotplugDisk, VM.hotunplugDisk; target must be set for plugging. */
char *domain_disk_plug_xml(struct pool *p, const struct domain_disk_spec *d);

/* Alias of a device by the id of its entity. */
char *domain_alias(struct pool *p, const char *id);
/* "vd", "sd" or "hd": what targets of disks with this interface begin with. */
const char *domain_target_prefix(enum m_disk_interface i);
/* The first name with the prefix that is_taken(arg) does not refuse; NULL when there is none. */
char *domain_free_target(struct pool *p, const char *prefix, bool (*is_taken)(void *arg, const char *name), void *arg);
/* Ids of a volume from its path; false if it is none. */
bool domain_path_volume(struct pool *p, const char *path, struct volume_ids *ids);
