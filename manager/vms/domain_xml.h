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
	const char *target;      /* "vda"; NULL: chosen by position */
	const struct m_qos *qos; /* of its profile, or NULL */
	bool is_block;           /* its domain is made of block devices */
	const char *cache;       /* of virtio disks: "writeback"; NULL: none */
	int io_thread;           /* 1 ...; 0: none */
};

struct domain_nic_spec {
	const struct m_nic *nic;
	const char *bridge;                   /* NULL: in no network */
	const char *filter;                   /* name of a network filter that the host has, or NULL */
	int64_t mtu;                          /* 0: the host's choice */
	bool is_mirrored;                     /* sees all packets of its bridge */
	const struct m_qos *qos;              /* of its profile, or NULL */
	const struct m_vnic_profile *profile; /* whose custom properties hooks see, or NULL */
	int queues;                           /* 0: one */
};

/* A device of the host that is handed through, as the host lists it. */
struct domain_hostdev_spec {
	const char *name; /* "pci_0000_03_00_0" */
	enum domain_hostdev_kind { HOSTDEV_PCI, HOSTDEV_USB, HOSTDEV_SCSI } kind;
	unsigned address[4]; /* PCI domain, bus, slot, function; USB bus, device; SCSI host, bus, target, unit */
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
	struct domain_hostdev_spec *hostdevs;
	size_t n_hostdevs;
	const struct m_qos *cpu_qos; /* of the CPU profile, or NULL */
	const char *display_network; /* bridge of the network that consoles listen on, or NULL */
	/* the host */
	bool has_kvm;
	const char *const *machines; /* emulated machines, NULL-terminated; NULL: unknown */
	const char *flags;           /* its processors' flags and models, with commas between; NULL: unknown */
	bool has_plain_spice;        /* SPICE without TLS is all that it has */
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

/* Kinds of consoles that the VM has: up to 2; 0: it has no screen. */
size_t domain_graphics(const struct m_vm *vm, enum m_graphics_type out[2]);
/* Minor number of the compatibility level 4.x. */
int domain_level(const struct m_vm *vm, const struct m_cluster *cluster);
/* Firmware and chipset, the cluster's if the VM says nothing. */
enum m_bios_type domain_bios_of(const struct m_vm *vm, const struct m_cluster *cluster);
/* Value of a custom property, or NULL. */
const char *domain_property(const struct m_vm *vm, const char *name);
/* Pages of this many KiB by the custom property hugepages; 0: ordinary ones. */
int64_t domain_hugepage_kib(const struct m_vm *vm);
/* Entry of a list like "ich6,q35/ich9" for a chipset: what is said for it, else what is said for all. NULL: none. */
char *domain_os_choice(struct pool *p, const char *list, bool is_q35);
/* The processor that the cluster's type stands for, "Nehalem,+spec-ctrl"; NULL: none. */
const char *domain_cluster_cpu(const struct m_cluster *cluster, int level);

/* Alias of a device by the id of its entity. */
char *domain_alias(struct pool *p, const char *id);
/* "vd", "sd" or "hd": what targets of disks with this interface begin with. */
const char *domain_target_prefix(enum m_disk_interface i);
/* The first name with the prefix that is_taken(arg) does not refuse; NULL when there is none. */
char *domain_free_target(struct pool *p, const char *prefix, bool (*is_taken)(void *arg, const char *name), void *arg);
/* Ids of a volume from its path; false if it is none. */
bool domain_path_volume(struct pool *p, const char *path, struct volume_ids *ids);
