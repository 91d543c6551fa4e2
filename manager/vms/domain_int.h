/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between the files that write a domain: a few words for building trees. */
#include <libxml/tree.h>

#include "manager/vms/domain_xml.h"

#define OVIRT_VM_URI   "http://ovirt.org/vm/1.0"
#define OVIRT_TUNE_URI "http://ovirt.org/vm/tune/1.0"

/* A child element, with text unless NULL; in the parent's namespace. */
xmlNodePtr dx_add(xmlNodePtr parent, const char *name, const char *text);
xmlNodePtr dx_addf(xmlNodePtr parent, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* An attribute; nothing for a NULL value. The element again. */
xmlNodePtr dx_set(xmlNodePtr n, const char *name, const char *value);
xmlNodePtr dx_setf(xmlNodePtr n, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Text of a document or of one element, in the pool. */
char *dx_text(struct pool *p, xmlDocPtr doc, xmlNodePtr n);

bool domain_is_q35(const struct domain_spec *s);
enum m_bios_type domain_bios(const struct domain_spec *s);
bool domain_is_windows(const struct m_vm *vm);
/* The devices to boot from, in order. */
size_t domain_boot(const struct domain_spec *s, const enum m_boot_device **list);
/* Place of a device in the order of booting; 0: not booted from. i counts devices of its sort. */
int domain_boot_order(const struct domain_spec *s, enum m_boot_device sort, size_t i);

/* ---- parts of the devices ---- */
void domain_add_disks(xmlNodePtr devices, struct pool *p, struct domain_spec *s);
xmlNodePtr domain_add_nic(xmlNodePtr devices, const struct domain_nic_spec *n, int boot_order);
xmlNodePtr domain_add_disk(xmlNodePtr devices, const struct domain_disk_spec *d, int boot_order);
void domain_add_consoles(xmlNodePtr devices, struct pool *p, const struct domain_spec *s);
bool domain_has_spice(const struct domain_spec *s);
void dx_alias(xmlNodePtr n, const char *id);
void dx_boot(xmlNodePtr n, int order);
/* Drives of the domain besides disks: names and buses. */
const char *domain_cd_target(const struct domain_spec *s);
const char *domain_payload_target(const struct domain_spec *s, size_t i);

/* ---- parts of the domain ---- */
void domain_add_memory(xmlNodePtr root, const struct domain_spec *s);
void domain_add_tuning(xmlNodePtr root, const struct domain_spec *s);
void domain_add_cpu(xmlNodePtr root, const struct domain_spec *s);
/* Virtual CPUs that the VM starts with. */
int64_t domain_cpus(const struct domain_spec *s);

void domain_add_devices(xmlNodePtr domain, struct pool *p, struct domain_spec *s);
void domain_add_metadata(xmlNodePtr domain, const struct domain_spec *s);
/* <ovirt-vm:device> of a device below the <ovirt-vm:vm> element. */
void domain_meta_disk(xmlNodePtr vm, const char *target, const struct volume_ids *ids, bool is_shared);
void domain_meta_nic(xmlNodePtr vm, const struct domain_nic_spec *n);
xmlNodePtr domain_meta_vm(xmlNodePtr metadata);
