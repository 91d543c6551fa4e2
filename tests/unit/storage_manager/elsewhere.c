/* SPDX-License-Identifier: Apache-2.0 */
/* What other domains say to storage, as far as no test of it asks for more. */
#include "manager/api/generic.h"
#include "manager/api/search.h"
#include "manager/clusters/qos.h"
#include "manager/disks/disks_int.h"
#include "manager/vms/vms.h"

int vm_check_slots(struct core *c, const struct m_vm *vm, enum m_disk_interface disk, int nics, const char *what,
                   struct err *e)
{
	return 0;
}
bool suspend_is_memory(struct core *c, const char *disk_id) { return false; }
int qos_resolve(struct call *c, struct m_ref *ref, enum m_qos_type type, const char *dc_id, const char *field,
                struct err *e)
{
	return 0;
}
void qos_settle(struct m_ref *ref) {}
int qos_update_profile(struct call *c, size_t offset, struct err *e) { return generic_update(c, e); }

struct search *search_parse(struct pool *p, enum kind k, const char *text, bool is_case_sensitive, struct err *e)
{
	err_set(e, ERR_INVALID, "no search here");
	return NULL;
}
int64_t search_page(const struct search *s) { return 0; }
/* Everything, unsorted. */
int search_select(struct core *c, struct search_ask *ask, struct err *e)
{
	ask->versions = g_ptr_array_new();
	for (guint i = 0; ask->among && i < ask->among->len; i++)
		g_ptr_array_add(ask->versions, ask->among->pdata[i]);
	if (!ask->among)
		INV_EACH (en, c->inv, ask->kind)
			g_ptr_array_add(ask->versions, (void *)en->pub);
	return 0;
}
void search_ask_clear(struct search_ask *ask)
{
	if (ask->versions)
		g_ptr_array_free(ask->versions, TRUE);
}
