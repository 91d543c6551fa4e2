/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/memory.h"

#include <glib.h>

static const double PRESSURE = 0.20, EMERGENCY = 0.05, STEP = 0.05, NOT_WORTH_IT = 0.0025;
static const double VMS_FILL = 0.80; /* machines that fill the host are looked through even without need */

enum {
	SCAN_MORE = 300,
	SCAN_LESS = 50,
	SCAN_MIN = 64,
	SCAN_MAX = 1250,
	SLEEP_MS = 10,
	PERIOD_US = 100000,
	QUOTA_MIN = 1000, /* what the kernel takes */
};
static const int64_t SLEEP_KIB = 16777216;

/* --- balloons ------------------------------------------------------------------- */

/* What is left to the guest: what it uses, and of what it has as much as the host has free itself. */
static double floor_kib(const struct balloon *b)
{
	const double room = b->host_free <= EMERGENCY ? b->host_free - STEP : b->host_free;
	const double used = (double)(b->current_kib - MIN(b->unused_kib, b->current_kib));

	return MAX((double)b->guaranteed_kib, used + room * (double)b->current_kib);
}

int64_t balloon_next(const struct balloon *b)
{
	const double current = (double)b->current_kib;
	double next;

	if (b->current_kib <= 0 || b->max_kib <= 0)
		return b->current_kib;
	if (b->current_kib < MIN(b->guaranteed_kib, b->max_kib))
		return MIN(b->guaranteed_kib, b->max_kib);
	if (b->unused_kib < 0)
		return b->current_kib;
	if (b->is_policy_on && b->host_free < PRESSURE)
		next = MIN(MAX(current * (1 - STEP), floor_kib(b)), current);
	else
		next = MAX(MIN(MAX(current * (1 + STEP), floor_kib(b)), (double)b->max_kib),
		           MIN(current, (double)b->max_kib));
	if (next > current ? (next - current < current * NOT_WORTH_IT && next < (double)b->max_kib)
	                   : current - next < current * NOT_WORTH_IT)
		return b->current_kib;
	return (int64_t)next;
}

/* --- equal pages ------------------------------------------------------------------ */

struct ksm_state ksm_next(const struct ksm_state *now, const struct ksm_facts *f)
{
	const bool is_needed = f->host_free <= PRESSURE || f->vm_share >= VMS_FILL;
	const bool is_merge_wrong = now->merge_across_nodes >= 0 && f->merge_across_nodes >= 0 &&
	                            now->merge_across_nodes != f->merge_across_nodes;
	struct ksm_state next = *now;

	if (!f->is_enabled || is_merge_wrong)
		next.run = f->pages_shared > 0 ? 2 : 0;
	if (is_merge_wrong && f->pages_shared <= 0)
		next.merge_across_nodes = f->merge_across_nodes;
	if (!f->is_enabled || (is_merge_wrong && f->pages_shared > 0))
		return next;
	next.run = is_needed;
	if (!is_needed)
		return next;
	next.pages_to_scan =
	    CLAMP(now->pages_to_scan + (f->host_free < PRESSURE ? SCAN_MORE : -SCAN_LESS), SCAN_MIN, SCAN_MAX);
	next.sleep_ms =
	    f->total_kib > 0 ? (int)MIN(MAX(SLEEP_MS, SLEEP_MS * SLEEP_KIB / f->total_kib), 60000) : SLEEP_MS;
	return next;
}

/* --- processor time ------------------------------------------------------------------- */

struct cpu_quota cpu_quota_of(int limit, int n_cpus, int n_vcpus)
{
	struct cpu_quota q = { -1, PERIOD_US };

	if (limit <= 0 || limit >= 100 || n_cpus <= 0 || n_vcpus <= 0)
		return q;
	q.quota = (int64_t)((double)limit / 100 * PERIOD_US * n_cpus / n_vcpus);
	if (q.quota <= 0)
		q.quota = 1;
	if (q.quota <= QUOTA_MIN) {
		const int64_t times = 1 + QUOTA_MIN / q.quota;

		q.quota *= times;
		q.period *= times;
	}
	if (q.period > 1000000) /* the kernel's longest; then the smallest quota */
		q = (struct cpu_quota){ QUOTA_MIN, 1000000 };
	return q;
}
