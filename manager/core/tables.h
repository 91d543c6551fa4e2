/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Facts of schema/ that the core looks up: event types, permits, predefined roles, guest systems, processors. Written by tools/gen_tables.py. */
#include <stdbool.h>
#include <stddef.h>

#include "model/kinds.h"
#include "model/types.h"

struct event_type {
	const char *name; /* "USER_ADD_VM" */
	int code;         /* what clients match on */
	enum m_log_severity severity;
	int flood_s; /* the same event of the same object is not repeated within so many seconds */
};
extern const struct event_type EVENT_TYPES[]; /* sorted by name */
extern const size_t N_EVENT_TYPES;

struct permit_type {
	int id;
	const char *name;
	bool is_admin;
};
extern const struct permit_type PERMITS[]; /* ends with name NULL */

struct role_type {
	const char *id, *name;
	bool is_admin, view_children;
	const char *const *permits;
};
extern const struct role_type ROLES[]; /* ends with id NULL */

/* What a new installation holds: objects in the journal's form, in which "$x" stands for something drawn at set-up. */
struct initial_row {
	enum kind kind;
	const char *id, *object;
};
extern const struct initial_row INITIAL_ROWS[]; /* ends with id NULL */

enum { N_LEVELS = 7 }; /* compatibility levels 4.2 to 4.8 */

/* Lists are texts with commas between. */
struct os_type {
	int id;
	const char *key, *name, *arch, *family;
	int bits, min_ram_mb, min_cpus, max_pci;
	bool has_q35;
	int max_ram_mb[N_LEVELS];
	const char *displays[N_LEVELS]; /* "spice/qxl,vnc/vga" */
	const char *nics[N_LEVELS];     /* "rtl8139,e1000,pv" */
	const char *audio[N_LEVELS];    /* "ich6,q35/ich9" */
	const char *disks[N_LEVELS];    /* "i440fx/IDE,VirtIO,q35/SATA" */
	const char *usb, *tpm, *watchdog, *unsupported_cpus;
};
extern const struct os_type OS_TYPES[]; /* ends with key NULL */

/* A processor type that a cluster may have. Names come again with other contents at other levels. */
struct cpu_type {
	const char *name, *arch, *vendor;
	const char *flags;  /* what a host must report, with commas between */
	const char *spec;   /* libvirt's model, then features: "Nehalem,+spec-ctrl" */
	int rank[N_LEVELS]; /* order within vendor and level; 0: not offered there */
};
extern const struct cpu_type CPU_TYPES[]; /* ends with name NULL */

/* The six of the first releases, as the processor describes itself. Lists with blanks between. */
struct classic_cpu {
	const char *type, *model, *description, *vendor;
	int family, model_number, stepping, level;
	unsigned xlevel;
	const char *feature_edx, *feature_ecx, *extfeature_edx, *extfeature_ecx;
};
extern const struct classic_cpu CLASSIC_CPUS[]; /* ends with type NULL */
