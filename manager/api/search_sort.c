/* SPDX-License-Identifier: Apache-2.0 */
/* Order of versions: SORTBY, then the kind's own order. Pure; any thread. */
#include <arpa/inet.h>
#include <string.h>

#include "manager/api/search_texts.h"
#include "model/types.h"

/* An address as a number: IPv4 before IPv6, text that is neither last. */
double search_address_key(const char *text)
{
	char first[64];
	struct in_addr v4;
	struct in6_addr v6;
	double key = 0;

	g_strlcpy(first, text, sizeof(first));
	first[strcspn(first, " ,/")] = '\0';
	if (inet_pton(AF_INET, first, &v4) == 1)
		return ntohl(v4.s_addr);
	if (inet_pton(AF_INET6, first, &v6) != 1)
		return 1e40;
	for (int i = 0; i < 16; i++)
		key = key * 256 + v6.s6_addr[i];
	return key + 4294967296.0;
}

struct key_reader {
	const struct sread *r;
	struct pool *p;
	struct skey key;
};

static bool take_first(void *arg, const void *obj, const struct sval *v)
{
	struct key_reader *k = arg;

	k->key.has = true;
	k->key.text = v->text;
	if (!v->text)
		k->key.num = v->num;
	else if (k->r->f->flags & SF_IP)
		k->key.num = search_address_key(v->text);
	if (v->text && k->p)
		k->key.text = pool_strndup(k->p, v->text, v->len);
	return true;
}

struct skey skey_read(const struct sread *r, struct core *c, const void *version, struct pool *p)
{
	struct key_reader k = { .r = r, .p = p };

	sread_each(r, c, version, take_first, &k);
	if (k.key.text && r->f->flags & SF_IP)
		k.key.text = NULL;
	return k.key;
}

/* Case decides only between what is otherwise the same. */
static int compare_text(const char *a, const char *b)
{
	int rc = g_ascii_strcasecmp(a ? a : "", b ? b : "");
	return rc ? rc : g_strcmp0(a, b);
}

static int compare_number(double a, double b) { return (a > b) - (a < b); }

static int compare_int(bool has_a, int64_t a, bool has_b, int64_t b)
{
	return has_a != has_b ? has_a - has_b : (a > b) - (a < b);
}

/* No value comes first. */
static int compare_keys(const struct skey *a, const struct skey *b)
{
	if (!a->has || !b->has)
		return a->has - b->has;
	return a->text && b->text ? compare_text(a->text, b->text) : compare_number(a->num, b->num);
}

/* ---- the kinds' own order ---- */

static int compare_template_versions(const void *a, const void *b)
{
	const struct m_template_version *va = ((const struct m_template *)a)->version,
	                                *vb = ((const struct m_template *)b)->version;
	int rc;

	if (!va || !vb)
		return (va != NULL) - (vb != NULL);
	rc = compare_text(va->version_name, vb->version_name);
	return rc ? rc
	          : compare_int(va->has.version_number, va->version_number, vb->has.version_number, vb->version_number);
}

static int compare_events(const struct m_event *a, const struct m_event *b)
{
	return -compare_int(a->has.index, a->index, b->has.index, b->index);
}

static int compare_jobs(const struct m_job *a, const struct m_job *b)
{
	return compare_int(a->has.start_time, a->start_time, b->has.start_time, b->start_time);
}

static int compare_steps(const struct m_step *a, const struct m_step *b)
{
	return compare_int(a->has.number, a->number, b->has.number, b->number);
}

static int compare_disks(const struct m_disk *a, const struct m_disk *b)
{
	int rc = compare_text(a->alias ? a->alias : a->name, b->alias ? b->alias : b->name);
	return rc ? rc : g_strcmp0(a->id, b->id);
}

static int compare_default(enum kind k, const void *a, const void *b)
{
	const struct m_type *t = M_KINDS[k].type;
	int rc;

	switch (k) {
	case KIND_EVENT: return compare_events(a, b);
	case KIND_JOB: return compare_jobs(a, b);
	case KIND_STEP: return compare_steps(a, b);
	case KIND_DISK: return compare_disks(a, b);
	case KIND_SNAPSHOT: return 0; /* they are in order of creation */
	default:
		rc = compare_text(m_entity(t, a)->name, m_entity(t, b)->name);
		return rc || k != KIND_TEMPLATE ? rc : compare_template_versions(a, b);
	}
}

static struct skey key_of(const struct search *s, const void *version)
{
	const struct skey *known;

	if (s->sort->is_own)
		return skey_read(s->sort, NULL, version, NULL);
	known = s->keys ? g_hash_table_lookup(s->keys, version) : NULL;
	return known ? *known : (struct skey){ 0 };
}

int search_compare(const struct search *s, enum kind k, const void *a, const void *b)
{
	if (s && s->sort) {
		struct skey ka = key_of(s, a), kb = key_of(s, b);
		int rc = compare_keys(&ka, &kb);

		if (rc == 0 && k == KIND_TEMPLATE && strcmp(s->sort->f->name, "name") == 0)
			rc = compare_template_versions(a, b);
		if (rc)
			return s->is_desc ? -rc : rc;
	}
	return compare_default(k, a, b);
}

bool search_has_order(const struct search *s) { return s && s->sort; }
