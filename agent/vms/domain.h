/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A domain as its XML tells it: what the statistics, the tickets and hot plug need to know, and the
 * agent's own data in <metadata>. Pure: text in, structs and text out.
 */
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

#define OVIRT_VM_URI "http://ovirt.org/vm/1.0"
#define SERIAL_DIR   "/var/run/ovirt-vmconsole-console" /* of the sockets of serial consoles, as Managers name it */

struct domain_disk {
	const char *name;   /* "vda" */
	const char *device; /* "disk", "cdrom", "floppy", "lun" */
	const char *path;   /* file, block device or network name; NULL: empty */
	const char *alias, *serial;
	const char *pool_id, *domain_id, *image_id, *volume_id, *guid; /* from metadata or the path; NULL if unknown */
	bool is_block;
};

struct domain_nic {
	const char *mac, *target, *model, *alias, *bridge;
	bool is_link_down;
};

struct domain_graphics {
	const char *type, *listen;
	int port, tls_port; /* -1: none */
};

struct domain_meta {
	const char *name, *value;
};

struct domain {
	const char *id, *name, *type, *machine;
	int64_t mem_kib, current_kib;
	int vcpus, max_vcpus;
	struct domain_disk *disks;
	struct domain_nic *nics;
	struct domain_graphics *graphics;
	struct domain_meta *meta; /* plain values of <ovirt-vm:vm> */
	int n_disks, n_nics, n_graphics, n_meta;
	bool is_ours;           /* has <ovirt-vm:vm> */
	bool has_agent_channel; /* QEMU guest agent */
	bool is_agent_connected;
	int32_t hash; /* of devices and metadata */
};

/* Read a domain. Everything lives in the pool. */
int domain_read(struct pool *p, const char *xml, struct domain **out, struct err *e);
int domain_read_doc(struct pool *p, xmlDocPtr doc, struct domain **out, struct err *e);
/* A plain value of the metadata, or NULL. */
const char *domain_meta(const struct domain *d, const char *name);
bool domain_meta_bool(const struct domain *d, const char *name, bool fallback);
int64_t domain_meta_int(const struct domain *d, const char *name, int64_t fallback);

/* Ids of a volume from a path ".../SD/images/IMG/VOL" or, at run time, ".../SD/IMG/VOL"; the strings live in the pool. False if it is none. */
bool domain_path_ids(struct pool *p, const char *path, const char **sd, const char **img, const char **vol);
/* Source of a <disk> element: type, attribute, path. path NULL: empty. */
void domain_disk_set_source(xmlNodePtr disk, const char *path, bool is_block);
const char *domain_disk_source(struct pool *p, xmlNodePtr disk);

/* What the agent fills into a domain before it is defined. */
struct domain_fill {
	bool is_emulated; /* KVM does not work here: rewrite what only KVM can do */
	const char *os_name, *os_version, *host_serial;
	const char *display_address; /* where consoles listen when nothing better is known */
	const char *(*network_address)(void *arg, const char *network); /* address of a logical network here, or NULL */
	bool (*directory_exists)(void *arg, const char *path);
	const char *serial_dir; /* where sockets of serial consoles are here; NULL: where Managers say */
	void *arg;
	int64_t start_time_s;
};
int domain_fill(xmlDocPtr doc, const struct domain_fill *f, struct err *e);

/*
 * Change plain values in the text of an <ovirt-vm:vm> element as libvirt gives it (with or without
 * namespace, NULL or "": a new one). value NULL removes. The result, without namespace as
 * virDomainSetMetadata wants it, lives in the pool.
 */
int domain_meta_edit(struct pool *p, const char *element, const struct domain_meta *values, int n, char **out,
                     struct err *e);

/* Put the data of one device (an <ovirt-vm:device> element) into that text in place of older data about the
 * same device; or only take the older data out. */
int domain_meta_put_device(struct pool *p, const char *element, xmlNodePtr device, bool is_removal, char **out,
                           struct err *e);
