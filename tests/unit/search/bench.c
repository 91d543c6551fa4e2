/* SPDX-License-Identifier: Apache-2.0 */
/* How long searches take among 10,000 VMs. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/search/scene.h"

enum { N_VMS = 10000, N_EVENTS = 50000 };

struct order {
	const struct search *s;
};

static int compare(const void *a, const void *b, void *arg)
{
	return search_compare(((const struct order *)arg)->s, KIND_VM, *(void *const *)a, *(void *const *)b);
}

static void fill(struct scene *s)
{
	for (int i = 0; i < N_VMS; i++) {
		char id[32], name[32];
		struct m_vm *vm;

		g_snprintf(id, sizeof(id), "vm-%d", i);
		g_snprintf(name, sizeof(name), "%s-%05d", i % 2 ? "web" : "db", (i * 7919) % N_VMS);
		vm = SCENE_NEW(s, VM, vm, id, name);
		vm->status = i % 3 ? M_VM_STATUS_UP : M_VM_STATUS_DOWN;
		vm->cluster.id = (char *)"c1";
		vm->host.id = (char *)(i % 3 ? "h1" : NULL);
		M_SET(vm, memory, (int64_t)(i % 16) << 30);
		scene_publish(s, KIND_VM, vm);
	}
	for (int i = 0; i < N_EVENTS; i++) {
		struct m_event *ev = SCENE_NEW(s, EVENT, event, pool_printf(s->pool, "%d", 1000 + i), NULL);

		M_SET(ev, index, 1000 + i);
		ev->vm.id = pool_printf(s->pool, "vm-%d", i % N_VMS);
		ev->description = (char *)"VM was started on Host alpha";
		ev->severity = i % 1000 ? M_LOG_SEVERITY_NORMAL : M_LOG_SEVERITY_ERROR;
		scene_publish(s, KIND_EVENT, ev);
	}
}

static void run(struct scene *sc, const char *query)
{
	struct pool *p = pool_new();
	struct err e = ERR_INIT;
	GPtrArray *found = g_ptr_array_new();
	gint64 t0 = g_get_monotonic_time(), t1, t2;
	struct search *s = search_parse(p, KIND_VM, query, false, &e);

	if (!s)
		g_error("%s", e.detail);
	INV_EACH (en, sc->core.inv, KIND_VM)
		if (search_matches(&sc->core, s, en->pub))
			g_ptr_array_add(found, (void *)en->pub);
	t1 = g_get_monotonic_time();
	g_qsort_with_data(found->pdata, (int)found->len, sizeof(void *), compare, &(struct order){ s });
	t2 = g_get_monotonic_time();
	printf("%-50s %6u found: %6.2f ms, sorted in %6.2f ms\n", query, found->len, (double)(t1 - t0) / 1000,
	       (double)(t2 - t1) / 1000);
	g_ptr_array_free(found, TRUE);
	pool_free(p);
}

int main(void)
{
	static const char *const QUERIES[] = {
		"name=web* and status=up",
		"",
		"web-012",
		"name=*012*",
		"datacenter=Default and memory>4096",
		"tag=europe",
		"host.name=alpha and host.status=up",
		"storage.name=nfs1",
		"event.severity=error",
		"status=up sortby memory desc",
		"sortby on_host",
		"page 2",
	};
	struct scene s;

	scene_init(&s);
	scene_fill(&s);
	fill(&s);
	for (size_t i = 0; i < G_N_ELEMENTS(QUERIES); i++)
		run(&s, QUERIES[i]);
	scene_deinit(&s);
	return 0;
}
