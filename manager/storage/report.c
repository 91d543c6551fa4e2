/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts say of the health of domains, and what follows from it when they say it for long. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

static double number(const json_t *v)
{
	if (json_is_string(v))
		return g_ascii_strtod(json_string_value(v), NULL);
	return json_number_value(v);
}

static void note_report(struct core *c, const char *host_id, const char *sd_id, const json_t *one)
{
	struct sd_hot *h = sd_hot_of(c, sd_id);
	struct sd_report *r = g_hash_table_lookup(h->reports, host_id);
	bool is_bad;

	if (!r) {
		r = g_new0(struct sd_report, 1);
		r->problem_since = -1;
		g_hash_table_insert(h->reports, g_strdup(host_id), r);
	}
	r->code = (int)storage_int(json_object_get(one, "code"));
	r->age = number(json_object_get(one, "lastCheck"));
	r->delay = number(json_object_get(one, "delay"));
	is_bad = r->code != 0 || r->age > STORAGE_MAX_AGE_S;
	if (!is_bad)
		r->problem_since = -1;
	else if (r->problem_since < 0)
		r->problem_since = loop_now_ms(c->loop);
	if (json_object_get(one, "disktotal") && json_object_get(one, "diskfree")) {
		h->total = storage_int(json_object_get(one, "disktotal"));
		h->free = storage_int(json_object_get(one, "diskfree"));
	}
}

/* Every host that is up and reports it has had trouble long enough. */
static bool is_dead_everywhere(struct core *c, const struct sd_hot *h)
{
	int64_t now = loop_now_ms(c->loop);
	GHashTableIter it;
	struct sd_report *r;
	const char *host;
	int n = 0;

	g_hash_table_iter_init(&it, h->reports);
	while (g_hash_table_iter_next(&it, (void **)&host, (void **)&r)) {
		if (!host_is_up(c, host))
			continue;
		if (r->problem_since < 0 || now - r->problem_since < STORAGE_PROBLEM_MS)
			return false;
		n++;
	}
	return n > 0;
}

static void set_status(struct txn *t, const char *sd_id, enum m_storage_domain_status status)
{
	((struct m_storage_domain *)txn_edit(t, KIND_STORAGE_DOMAIN, sd_id))->status = status;
}

static void judge(struct core *c, struct txn *t, const char *host_id, const struct m_storage_domain *sd)
{
	struct sd_hot *h = sd_hot_of(c, sd->id);
	const struct sd_report *r = g_hash_table_lookup(h->reports, host_id);
	const struct m_data_center *dc = dc_latest(c, sd->data_center.id);
	bool is_fine = r->problem_since < 0, is_dc_up = dc && dc->status == M_DATA_CENTER_STATUS_UP;
	struct event_refs refs = { .storage_domain = sd->id, .data_center = sd->data_center.id, .host = host_id };

	if (is_fine && r->delay > STORAGE_SLOW_S)
		txn_event(t, "VDS_DOMAIN_DELAY_INTERVAL", &refs,
		          "Storage domain %s experienced a high latency of %.1f seconds from host %s.", sd->name,
		          r->delay, storage_name(c, KIND_HOST, host_id));
	if (sd->status == M_STORAGE_DOMAIN_STATUS_INACTIVE && is_fine) {
		set_status(t, sd->id, M_STORAGE_DOMAIN_STATUS_ACTIVE);
		txn_event(t, "USER_ACTIVATED_STORAGE_DOMAIN_ASYNC", &refs,
		          "Storage Domain %s (Data Center %s) is valid again.", sd->name, dc ? dc->name : "-");
	} else if (sd->status == M_STORAGE_DOMAIN_STATUS_UNKNOWN && is_fine && is_dc_up) {
		set_status(t, sd->id, M_STORAGE_DOMAIN_STATUS_ACTIVE);
	} else if (sd->status == M_STORAGE_DOMAIN_STATUS_ACTIVE && !is_fine && is_dead_everywhere(c, h)) {
		set_status(t, sd->id, M_STORAGE_DOMAIN_STATUS_INACTIVE);
		refs.host = NULL;
		txn_event(t, "SYSTEM_DEACTIVATED_STORAGE_DOMAIN", &refs,
		          "Storage Domain %s (Data Center %s) was deactivated by system because it's not visible by "
		          "any of the hosts.",
		          sd->name, dc ? dc->name : "-");
	}
}

void storage_host_report(struct core *c, const char *host_id, json_t *domains)
{
	const char *dc_id = storage_dc_of_host(c, host_id), *sd_id;
	struct txn *t = txn_begin(c);
	json_t *one;

	json_object_foreach (domains, sd_id, one) {
		const struct m_storage_domain *sd = uuid_is_valid(sd_id) ? sd_latest(c, sd_id) : NULL;

		/* Not ours, or not this host's business; a first report is not yet a check. */
		if (!sd || !dc_id || g_strcmp0(sd->data_center.id, dc_id) != 0 ||
		    json_is_false(json_object_get(one, "actual")))
			continue;
		note_report(c, host_id, sd_id, one);
		judge(c, t, host_id, sd);
	}
	txn_commit_async(t);
}

void storage_host_lost(struct core *c, const char *host_id)
{
	const char *dc_id = storage_dc_of_host(c, host_id);
	const struct m_data_center *dc = dc_id ? dc_latest(c, dc_id) : NULL;
	struct sd_hot *h;
	GHashTableIter it;
	struct txn *t;

	g_hash_table_iter_init(&it, c->storage->domains);
	while (g_hash_table_iter_next(&it, NULL, (void **)&h))
		g_hash_table_remove(h->reports, host_id);
	if (!dc || g_strcmp0(dc->spm_host.id, host_id) != 0)
		return;
	t = txn_begin(c);
	dc_set_problem(t, dc_id, "Its SPM does not respond.");
	txn_commit_async(t);
	spm_check_soon(c, dc_id);
}
