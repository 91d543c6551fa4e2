/* SPDX-License-Identifier: Apache-2.0 */
/* MAC addresses from the pool of a cluster: the next free one after the last that was given. */
#include <stdio.h>
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/networks/mac.h"
#include "manager/networks/networks.h"

#define MULTICAST ((uint64_t)1 << 40)

bool mac_parse(const char *s, uint64_t *number)
{
	uint64_t n = 0;

	if (!s || strlen(s) != 17)
		return false;
	for (int i = 0; i < 17; i++) {
		if (i % 3 == 2 ? s[i] != ':' : !g_ascii_isxdigit(s[i]))
			return false;
		if (i % 3 != 2)
			n = n << 4 | (uint64_t)g_ascii_xdigit_value(s[i]);
	}
	*number = n;
	return true;
}

uint64_t mac_next_usable(uint64_t n)
{
	if (n == 0)
		return 1;
	return n & MULTICAST ? ((n >> 40) + 1) << 40 : n;
}

/* 0: there is none. */
static uint64_t mac_number(const char *s)
{
	uint64_t n;

	return mac_parse(s, &n) ? n : 0;
}

static char *mac_text(struct pool *p, uint64_t n)
{
	return pool_printf(p, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(n >> 40) & 255, (unsigned)(n >> 32) & 255,
	                   (unsigned)(n >> 24) & 255, (unsigned)(n >> 16) & 255, (unsigned)(n >> 8) & 255,
	                   (unsigned)n & 255);
}

static const struct m_mac_pool *pool_of(struct core *c, const char *cluster_id)
{
	const struct m_cluster *cl = cluster_latest(c, cluster_id);
	const struct m_mac_pool *mp = cl ? INV_LATEST(c->inv, MAC_POOL, mac_pool, cl->mac_pool.id) : NULL;
	struct entity *first = inv_first(c->inv, KIND_MAC_POOL);

	return mp ? mp : first ? first->pub : NULL;
}

static const char *pool_id_of(struct core *c, const char *cluster_id)
{
	const struct m_mac_pool *mp = pool_of(c, cluster_id);

	return mp ? mp->id : NULL;
}

/* ---- which are in use: of published NICs in a table, of staged ones by looking at them ---- */

struct macs {
	GHashTable *used; /* address -> how many NICs have it */
};

struct macs *macs_new(void)
{
	struct macs *m = g_new0(struct macs, 1);

	m->used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return m;
}

void macs_free(struct macs *m)
{
	if (!m)
		return;
	g_hash_table_destroy(m->used);
	g_free(m);
}

static gint64 mac_of(const struct m_nic *nic)
{
	return nic && nic->mac && nic->mac->address ? (gint64)mac_number(nic->mac->address) : 0;
}

static int users(const struct macs *m, gint64 mac)
{
	return m ? GPOINTER_TO_INT(g_hash_table_lookup(m->used, &mac)) : 0;
}

static void count(struct macs *m, gint64 mac, int change)
{
	int n = users(m, mac) + change;
	gint64 *key;

	if (mac == 0)
		return;
	if (n <= 0) {
		g_hash_table_remove(m->used, &mac);
		return;
	}
	key = g_new(gint64, 1);
	*key = mac;
	g_hash_table_replace(m->used, key, GINT_TO_POINTER(n));
}

void mac_nic_published(struct core *c, const char *id, const void *old, const void *new)
{
	if (mac_of(old) == mac_of(new))
		return;
	count(c->macs, mac_of(old), -1);
	count(c->macs, mac_of(new), 1);
}

struct staged_use {
	gint64 mac;
	const char *except_nic;
	bool found;
};

static void look(void *arg, const void *version)
{
	struct staged_use *u = arg;
	const struct m_nic *nic = version;

	u->found = u->found || (g_strcmp0(nic->id, u->except_nic) != 0 && mac_of(nic) == u->mac);
}

static bool is_used(struct core *c, gint64 mac, const char *except_nic)
{
	struct staged_use u = { mac, except_nic, false };
	int own = mac_of(INV_GET(c->inv, NIC, nic, except_nic)) == mac;

	if (users(c->macs, mac) > own)
		return true;
	inv_each_staged(c->inv, KIND_NIC, look, &u);
	return u.found;
}

/* ---- giving them out ---- */

/* From start to its end, then from its beginning; looks at no more addresses than are in use, and one. */
static uint64_t draw_from(struct core *c, uint64_t from, uint64_t to, uint64_t start)
{
	for (uint64_t n = mac_next_usable(start); n <= to; n = mac_next_usable(n + 1))
		if (!is_used(c, (gint64)n, NULL))
			return n;
	for (uint64_t n = mac_next_usable(from); n < start; n = mac_next_usable(n + 1))
		if (!is_used(c, (gint64)n, NULL))
			return n;
	return 0;
}

char *mac_draw(struct core *c, struct pool *p, const char *cluster_id, struct err *e)
{
	const struct m_mac_pool *mp = pool_of(c, cluster_id);

	for (uint32_t i = 0; mp && i < mp->ranges.n; i++) {
		uint64_t from = mac_number(mp->ranges.v[i]->from), to = mac_number(mp->ranges.v[i]->to);
		uint64_t found = to >= from ? draw_from(c, from, to, from + chance_below(c->chance, to - from + 1)) : 0;

		if (found)
			return mac_text(p, found);
	}
	err_set(e, ERR_CONFLICT, "No MAC address is left in MAC pool %s.", mp ? mp->name : "-");
	return NULL;
}

int mac_check_free(struct core *c, const char *cluster_id, const char *mac, const char *except_nic, struct err *e)
{
	const struct m_mac_pool *mp = pool_of(c, cluster_id);
	gint64 n = (gint64)mac_number(mac);

	if ((uint64_t)n & MULTICAST)
		return err_field(e, ERR_INVALID, "nic.mac.address", "%s is a multicast address.", mac);
	if ((!mp || !M_GET(mp, allow_duplicates, false)) && is_used(c, n, except_nic))
		return err_field(e, ERR_CONFLICT, "nic.mac.address", "MAC address %s is in use already.", mac);
	return 0;
}

char *mac_find_twice(struct core *c, struct pool *p, const char *pool_id, const char *cluster_id)
{
	GHashTable *seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	gint64 twice = 0;

	INV_EACH (en, c->inv, KIND_NIC) {
		const struct m_nic *nic = inv_latest(c->inv, KIND_NIC, en->id);
		const struct m_vm *vm = nic ? INV_LATEST(c->inv, VM, vm, nic->vm.id) : NULL;
		gint64 mac = vm ? mac_of(nic) : 0;

		if (mac == 0 || (g_strcmp0(vm->cluster.id, cluster_id) != 0 &&
		                 g_strcmp0(pool_id_of(c, vm->cluster.id), pool_id) != 0))
			continue;
		if (!g_hash_table_add(seen, g_memdup2(&mac, sizeof(mac)))) {
			twice = mac;
			break;
		}
	}
	g_hash_table_destroy(seen);
	return twice ? mac_text(p, (uint64_t)twice) : NULL;
}
