/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/system/survival.h"

#include <glib.h>
#include <string.h>

#define UNKNOWN INT64_MAX

/* What is the same for all cases. */
struct work {
	const struct survival_cluster *c;
	int *order; /* VMs that count, in order of placing */
	int n_order;
	int *first, *of_host; /* of_host[first[h]]...: ranks in order[] of the VMs of host h, rising */
	int64_t *load;        /* memory of those, with overhead */
	int *by_load;         /* hosts, heaviest first */
	int64_t largest;      /* of a VM, with overhead */
	bool is_plain;        /* nothing but memory can stand against a host */
	int64_t budget;
	/* one case */
	int *ranks;
	int *heap, n_heap; /* hosts that remain, most room on top */
	int64_t *room, *physical;
	bool *lost;
};

/* ---- order ---- */

static int by_priority(const void *a, const void *b, void *arg)
{
	const struct survival_vm *vms = arg, *x = &vms[*(const int *)a], *y = &vms[*(const int *)b];

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->memory != y->memory)
		return x->memory > y->memory ? -1 : 1;
	return *(const int *)a - *(const int *)b;
}

static int by_load(const void *a, const void *b, void *arg)
{
	const int64_t *load = arg, x = load[*(const int *)a], y = load[*(const int *)b];

	return x != y ? (x > y ? -1 : 1) : *(const int *)a - *(const int *)b;
}

static int by_rank(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void list_by_host(struct work *w)
{
	const struct survival_cluster *c = w->c;
	g_autofree int *at = g_new0(int, c->n_hosts + 1);

	for (int i = 0; i < w->n_order; i++)
		w->first[c->vms[w->order[i]].host + 1]++;
	for (int h = 0; h < c->n_hosts; h++)
		w->first[h + 1] += w->first[h];
	memcpy(at, w->first, sizeof(int) * (size_t)c->n_hosts);
	for (int i = 0; i < w->n_order; i++)
		w->of_host[at[c->vms[w->order[i]].host]++] = i;
}

static void note_vm(struct work *w, int i, int fewest_cpus)
{
	const struct survival_vm *vm = &w->c->vms[i];

	w->order[w->n_order++] = i;
	w->load[vm->host] += vm->memory + vm->overhead;
	w->largest = MAX(w->largest, vm->memory + vm->overhead);
	w->is_plain = w->is_plain && !vm->allowed && vm->cpus <= fewest_cpus && vm->guaranteed <= vm->memory;
}

static void work_init(struct work *w, const struct survival_cluster *c, bool only_ha)
{
	const size_t hosts = (size_t)c->n_hosts + 1, vms = (size_t)c->n_vms + 1;
	int fewest_cpus = G_MAXINT;

	*w = (struct work){ .c = c,
		            .order = g_new(int, vms),
		            .first = g_new0(int, hosts + 1),
		            .of_host = g_new(int, vms),
		            .load = g_new0(int64_t, hosts),
		            .by_load = g_new(int, hosts),
		            .is_plain = true,
		            .ranks = g_new(int, vms),
		            .heap = g_new(int, hosts),
		            .room = g_new(int64_t, hosts),
		            .physical = g_new(int64_t, hosts),
		            .lost = g_new0(bool, hosts) };
	for (int h = 0; h < c->n_hosts; h++) {
		w->by_load[h] = h;
		if (c->hosts[h].cpus)
			fewest_cpus = MIN(fewest_cpus, c->hosts[h].cpus);
	}
	for (int i = 0; i < c->n_vms; i++)
		if (c->vms[i].is_ha || !only_ha)
			note_vm(w, i, fewest_cpus);
	g_qsort_with_data(w->order, w->n_order, sizeof(int), by_priority, (void *)c->vms);
	g_qsort_with_data(w->by_load, c->n_hosts, sizeof(int), by_load, w->load);
	list_by_host(w);
}

static void work_free(struct work *w)
{
	g_free(w->order);
	g_free(w->first);
	g_free(w->of_host);
	g_free(w->load);
	g_free(w->by_load);
	g_free(w->ranks);
	g_free(w->heap);
	g_free(w->room);
	g_free(w->physical);
	g_free(w->lost);
}

/* ---- hosts that remain: a heap by room ---- */

static bool is_roomier(const struct work *w, int a, int b)
{
	return w->room[a] != w->room[b] ? w->room[a] > w->room[b] : a < b;
}

static void sift_down(struct work *w, int i)
{
	for (;;) {
		int best = i, l = 2 * i + 1, r = l + 1, host;

		if (l < w->n_heap && is_roomier(w, w->heap[l], w->heap[best]))
			best = l;
		if (r < w->n_heap && is_roomier(w, w->heap[r], w->heap[best]))
			best = r;
		if (best == i)
			return;
		host = w->heap[i];
		w->heap[i] = w->heap[best];
		w->heap[best] = host;
		i = best;
	}
}

static void begin_case(struct work *w)
{
	const struct survival_cluster *c = w->c;

	w->n_heap = 0;
	for (int h = 0; h < c->n_hosts; h++) {
		w->room[h] = c->hosts[h].room;
		w->physical[h] = c->hosts[h].physical;
		if (!w->lost[h])
			w->heap[w->n_heap++] = h;
	}
	for (int i = w->n_heap / 2 - 1; i >= 0; i--)
		sift_down(w, i);
	w->budget -= 2 * c->n_hosts;
}

/* ---- one VM ---- */

static bool is_allowed(const struct survival_vm *vm, int host)
{
	return !vm->allowed || (vm->allowed[host / 64] >> (host % 64) & 1);
}

static enum survival_limit refuse(const struct work *w, const struct survival_vm *vm, int host)
{
	const int cpus = w->c->hosts[host].cpus;

	if (!is_allowed(vm, host))
		return vm->why;
	if (w->room[host] < vm->memory + vm->overhead)
		return SURVIVAL_MEMORY;
	if (w->physical[host] < vm->guaranteed + vm->overhead)
		return SURVIVAL_PHYSICAL;
	return cpus && vm->cpus > cpus ? SURVIVAL_CPUS : SURVIVAL_NONE;
}

/* Place in the heap of the host that takes it; -1 with *why. */
static int find_place(struct work *w, const struct survival_vm *vm, enum survival_limit *why)
{
	int best = -1;

	w->budget -= 8;
	*why = w->n_heap ? refuse(w, vm, w->heap[0]) : SURVIVAL_HOSTS;
	if (*why == SURVIVAL_NONE)
		return 0;
	if (*why == SURVIVAL_HOSTS || (*why == SURVIVAL_MEMORY && !vm->allowed))
		return -1; /* the others have less */
	w->budget -= w->n_heap;
	for (int i = 0; i < w->n_heap; i++) {
		const enum survival_limit no = refuse(w, vm, w->heap[i]);

		if (no == SURVIVAL_NONE && (best < 0 || is_roomier(w, w->heap[i], w->heap[best])))
			best = i;
		else if (no == SURVIVAL_MEMORY || (no == SURVIVAL_PHYSICAL && *why != SURVIVAL_MEMORY))
			*why = no; /* it could go there, were it larger */
	}
	return best;
}

static void take_room(struct work *w, const struct survival_vm *vm, int place)
{
	const int host = w->heap[place];

	if (w->room[host] != UNKNOWN)
		w->room[host] -= vm->memory;
	if (w->physical[host] != UNKNOWN)
		w->physical[host] -= vm->guaranteed + vm->overhead;
	sift_down(w, place);
}

/* ---- one case ---- */

static int gather(struct work *w)
{
	int n = 0;

	for (int h = 0; h < w->c->n_hosts; h++) {
		if (!w->lost[h])
			continue;
		memcpy(w->ranks + n, w->of_host + w->first[h], sizeof(int) * (size_t)(w->first[h + 1] - w->first[h]));
		n += w->first[h + 1] - w->first[h];
	}
	qsort(w->ranks, n, sizeof(int), by_rank);
	return n;
}

static void note_homeless(struct survival_answer *out, int vm, enum survival_limit why)
{
	if (out->n_homeless == 0)
		out->limit = why;
	if (out->n_homeless < SURVIVAL_MAX_SHOWN)
		out->homeless[out->n_homeless] = vm;
	out->n_homeless++;
}

/* out NULL: only whether all find a place. */
static bool run_case(struct work *w, struct survival_answer *out)
{
	bool is_fine = true;
	int n;

	begin_case(w);
	n = gather(w);
	for (int i = 0; i < n && (is_fine || out); i++) {
		const int index = w->order[w->ranks[i]];
		enum survival_limit why;
		const int place = find_place(w, &w->c->vms[index], &why);

		if (place >= 0) {
			take_room(w, &w->c->vms[index], place);
			continue;
		}
		is_fine = false;
		if (out)
			note_homeless(out, index, why);
	}
	if (out)
		out->n_to_move = n;
	return is_fine;
}

bool survival_try(const struct survival_cluster *c, bool only_ha, const bool *lost, struct survival_answer *out)
{
	struct work w;
	bool is_fine;

	*out = (struct survival_answer){ 0 };
	work_init(&w, c, only_ha);
	memcpy(w.lost, lost, sizeof(bool) * (size_t)c->n_hosts);
	out->n_vms = w.n_order;
	is_fine = run_case(&w, out);
	work_free(&w);
	return is_fine;
}

/* ---- any n hosts ---- */

static void lose(struct work *w, const int *hosts, int n)
{
	memset(w->lost, 0, sizeof(bool) * (size_t)w->c->n_hosts);
	for (int i = 0; i < n; i++)
		w->lost[hosts[i]] = true;
}

static int falling(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x != y ? (x > y ? -1 : 1) : 0;
}

/*
 * A proof without looking at cases, where nothing but memory counts: a VM without a place means that every host left is full but for
 * less than the largest VM, so more has been placed than the sum of that. When the heaviest n hosts do not carry so much, with the
 * n roomiest ones gone, it cannot happen.
 */
static bool is_proven(struct work *w, int n)
{
	const int hosts = w->c->n_hosts;
	g_autofree int64_t *spare = g_new(int64_t, hosts + 1);
	double demand = 0, sum = 0;

	if (!w->is_plain)
		return false;
	w->budget -= 10 * hosts;
	for (int h = 0; h < hosts; h++) {
		const int64_t most = MIN(w->c->hosts[h].room, w->c->hosts[h].physical);
		spare[h] = most == UNKNOWN ? most : MAX(most - w->largest, 0);
	}
	qsort(spare, hosts, sizeof(int64_t), falling);
	for (int i = 0; i < n; i++)
		demand += (double)w->load[w->by_load[i]];
	for (int i = n; i < hosts; i++)
		sum += (double)spare[i];
	return demand <= sum;
}

static double cases(int hosts, int n)
{
	double all = 1;

	for (int i = 0; i < n; i++)
		all = all * (hosts - i) / (i + 1);
	return all;
}

enum verdict { HOLDS, FAILS, UNDECIDED };

/* All sets of n hosts, heaviest first. What fails stays in w->lost. */
static enum verdict look_at_all(struct work *w, int n)
{
	const int hosts = w->c->n_hosts;
	g_autofree int *pick = g_new(int, n + 1), *set = g_new(int, n + 1);

	for (int i = 0; i < n; i++)
		pick[i] = i;
	for (;;) {
		int i = n - 1;

		for (int k = 0; k < n; k++)
			set[k] = w->by_load[pick[k]];
		lose(w, set, n);
		if (!run_case(w, NULL))
			return FAILS;
		if (w->budget < 0)
			return UNDECIDED;
		while (i >= 0 && pick[i] == hosts - n + i)
			i--;
		if (i < 0)
			return HOLDS;
		pick[i]++;
		for (int k = i + 1; k < n; k++)
			pick[k] = pick[k - 1] + 1;
	}
}

static enum verdict judge(struct work *w, int n)
{
	const double cost = 2.0 * w->c->n_hosts + 10.0 * w->n_order * n / w->c->n_hosts;

	lose(w, w->by_load, n); /* most likely the worst */
	if (!run_case(w, NULL))
		return FAILS;
	if (is_proven(w, n))
		return HOLDS;
	return cases(w->c->n_hosts, n) * cost > (double)w->budget ? UNDECIDED : look_at_all(w, n);
}

static void tell_failure(struct work *w, struct survival_answer *out)
{
	for (int h = 0; h < w->c->n_hosts; h++)
		if (w->lost[h] && out->n_lost++ < SURVIVAL_MAX_LOST)
			out->lost[out->n_lost - 1] = h;
	run_case(w, out);
}

void survival_find(const struct survival_cluster *c, bool only_ha, int64_t budget, struct survival_answer *out)
{
	struct work w;

	*out = (struct survival_answer){ .is_exact = true };
	work_init(&w, c, only_ha);
	w.budget = budget;
	out->n_vms = w.n_order;
	while (out->survives < c->n_hosts) {
		const enum verdict v = judge(&w, out->survives + 1);

		if (v == FAILS)
			tell_failure(&w, out);
		out->is_exact = v != UNDECIDED;
		if (v != HOLDS)
			break;
		out->survives++;
	}
	work_free(&w);
}
