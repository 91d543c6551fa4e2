/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a guest finds at its first start: the files that cloud-init, Windows setup or ignition read, made of a VM's
 * `initialization`. Pure: structs in, structs out. Input comes from users; what is no good is refused with the field's name
 * ("vm.initialization.custom_script").
 */
#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "manager/vms/domain_xml.h"
#include "model/types.h"

enum init_kind { INIT_CLOUD_INIT, INIT_SYSPREP, INIT_IGNITION };

/*
 * The media of this kind, in the pool; *n may be 0. Cloud-init and ignition: one CD with the label config-2; cloud-init of a
 * VM whose custom property cloud_init_source is nocloud: one with the label cidata. Sysprep: one floppy, or a CD where the
 * machine has none. init may be NULL: what is asked for is then made with defaults (host name).
 */
int init_media(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, enum init_kind kind,
               struct domain_payload **list, size_t *n, struct err *e);

/* The checks alone, for adding and updating a VM: what init_media would refuse for any kind that the fields are for. */
int init_check(const struct m_initialization *init, struct err *e);
