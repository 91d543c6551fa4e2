/* SPDX-License-Identifier: Apache-2.0 */
/* MAC addresses from the pool of a cluster: the next free one after the last that was given. */
#include <stdio.h>
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/networks/networks.h"

static uint64_t mac_number(const char *s)
{
	unsigned b[6];

	if (!s || sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		return 0;
	return (uint64_t)b[0] << 40 | (uint64_t)b[1] << 32 | (uint64_t)b[2] << 24 | b[3] << 16 | b[4] << 8 | b[5];
}

static char *mac_text(struct pool *p, uint64_t n)
{
	return pool_printf(p, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(n >> 40) & 255, (unsigned)(n >> 32) & 255,
	                   (unsigned)(n >> 24) & 255, (unsigned)(n >> 16) & 255, (unsigned)(n >> 8) & 255, (unsigned)n & 255);
}

static const struct m_mac_pool *pool_of(struct core *c, const char *cluster_id)
{
	const struct m_cluster *cl = cluster_latest(c, cluster_id);
	const struct m_mac_pool *mp = cl ? INV_LATEST(c->inv, MAC_POOL, mac_pool, cl->mac_pool.id) : NULL;
	struct entity *first = inv_first(c->inv, KIND_MAC_POOL);

	return mp ? mp : first ? first->pub : NULL;
}

/* Addresses in use, staged NICs included. */
static GHashTable *used_addresses(struct core *c)
{
	GHashTable *used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	INV_EACH(e, c->inv, KIND_NIC) {
		const struct m_nic *nic = e->latest;
		gint64 *key;

		if (!nic || !nic->mac || !nic->mac->address)
			continue;
		key = g_new(gint64, 1);
		*key = (gint64)mac_number(nic->mac->address);
		g_hash_table_add(used, key);
	}
	return used;
}

char *mac_draw(struct core *c, struct pool *p, const char *cluster_id, struct err *e)
{
	const struct m_mac_pool *mp = pool_of(c, cluster_id);
	g_autoptr(GHashTable) used = used_addresses(c);

	for (uint32_t i = 0; mp && i < mp->ranges.n; i++) {
		uint64_t from = mac_number(mp->ranges.v[i]->from), to = mac_number(mp->ranges.v[i]->to);
		uint64_t size = to >= from ? to - from + 1 : 0, start = size ? chance_below(c->chance, size) : 0;

		for (uint64_t k = 0; k < size; k++) {
			gint64 n = (gint64)(from + (start + k) % size);
			if (!(n >> 40 & 1) && !g_hash_table_contains(used, &n))
				return mac_text(p, (uint64_t)n);
		}
	}
	err_set(e, ERR_CONFLICT, "No MAC address is left in MAC pool %s.", mp ? mp->name : "-");
	return NULL;
}

int mac_check_free(struct core *c, const char *cluster_id, const char *mac, const char *except_nic, struct err *e)
{
	const struct m_mac_pool *mp = pool_of(c, cluster_id);
	uint64_t n = mac_number(mac);

	if (n >> 40 & 1)
		return err_field(e, ERR_INVALID, "nic.mac.address", "%s is a multicast address.", mac);
	if (mp && M_GET(mp, allow_duplicates, false))
		return 0;
	INV_EACH(en, c->inv, KIND_NIC) {
		const struct m_nic *nic = en->latest;
		if (nic && nic->mac && g_strcmp0(nic->id, except_nic) != 0 && mac_number(nic->mac->address) == n)
			return err_field(e, ERR_CONFLICT, "nic.mac.address", "MAC address %s is in use already.", mac);
	}
	return 0;
}
