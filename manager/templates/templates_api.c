/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/templates/templates.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/vms/vm_int.h"

static const struct kind_ops TEMPLATE_KIND = { .view = template_view };

/* The one CD drive that every template has, empty. */
static int cdrom_list(struct call *c, struct err *e)
{
	struct m_cdrom *cd;
	void **list;

	if (!call_entity(c, 0, KIND_TEMPLATE, e))
		return -1;
	list = POOL_ARRAY(c->pool, void *, 1);
	list[0] = cd = m_new(c->pool, &M_TYPE_cdrom);
	cd->id = (char *)CDROM_ID;
	REF_SET(c->pool, cd->template, c->ids[0]);
	return call_reply_list(c, &M_TYPE_cdrom, list, 1);
}

static int console_list(struct call *c, struct err *e)
{
	const struct m_template *t = CALL_ENTITY(c, 0, TEMPLATE, template, e);
	struct m_graphics_console *g;
	void **list = POOL_ARRAY(c->pool, void *, 1);

	if (!t)
		return -1;
	if (!t->display)
		return call_reply_list(c, &M_TYPE_graphics_console, list, 0);
	list[0] = g = m_new(c->pool, &M_TYPE_graphics_console);
	g->id = "766e63";
	g->protocol = M_GRAPHICS_TYPE_VNC;
	REF_SET(c->pool, g->template, t->id);
	return call_reply_list(c, &M_TYPE_graphics_console, list, 1);
}

static int nothing_of_template(struct call *c, struct err *e)
{
	return call_entity(c, 0, KIND_TEMPLATE, e) ? generic_list_empty(c, e) : -1;
}

static const struct api_op TEMPLATE_OPS[] = {
	ROW("templates.list", generic_list, KIND_TEMPLATE),
	ROW("template.get", generic_get, KIND_TEMPLATE),
	ROW("template_disk_attachments.list", generic_list, KIND_DISK_ATTACHMENT,
	    BELOW(KIND_TEMPLATE, IDX_DISK_ATTACHMENT_template), .flags = OP_HREF_HERE),
	ROW("template_nics.list", generic_list, KIND_NIC, BELOW(KIND_TEMPLATE, IDX_NIC_template),
	    .flags = OP_HREF_HERE),
	ROW("template_cdroms.list", cdrom_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_graphics_consoles.list", console_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_watchdogs.list", nothing_of_template, NO_KIND, .flags = OP_HREF_HERE),
	ROW("template_mediated_devices.list", nothing_of_template, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};

void templates_register(struct core *c)
{
	core_register_kind(c, KIND_TEMPLATE, &TEMPLATE_KIND);
	api_register(TEMPLATE_OPS);
}
