/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/templates. */
#include "manager/templates/templates.h"
#include "manager/vms/clone.h"

extern const struct command ADD_TEMPLATE_COMMAND, REMOVE_TEMPLATE_COMMAND;

int template_add(struct call *c, struct err *e);
int template_remove(struct call *c, struct err *e);
struct event_refs template_refs(struct call *c, const struct m_template *t);
/* Id of the base version; its own when it is one. */
const char *template_base(const struct m_template *t);
/* Is the name that of another template which is a base version? */
bool template_name_taken(struct core *c, const char *name, const char *except_id);
/* Stage the end of a template and all that belongs to it but its disks. */
void template_remove_records(struct txn *t, const char *template_id);
