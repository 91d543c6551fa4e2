/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes of a VM that runs come into force now, and what waits for its next start. The VM's record is what runs; the
 * configuration to come lies beside it, whole, in the journal's form, and takes its place when the VM goes down.
 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/vms/vm_int.h"

/* ---- members ---- */

static bool is_configuration(const struct m_field *f)
{
	if (f->flags & (M_F_READONLY | M_F_INTERNAL | M_F_CREATE_ONLY))
		return false;
	if ((f->flags & M_F_LIST) && (f->flags & M_F_LINK))
		return false;
	return strcmp(f->name, "id") != 0 && strcmp(f->name, "stop_reason") != 0;
}

static size_t slot_size(const struct m_field *f)
{
	if (f->flags & M_F_LIST)
		return sizeof(((struct m_vm *)NULL)->payloads);
	switch (f->kind) {
	case M_BOOL: return sizeof(bool);
	case M_INT:
	case M_DATE: return sizeof(int64_t);
	case M_DECIMAL: return sizeof(double);
	case M_ENUM: return sizeof(int);
	case M_REF: return sizeof(struct m_ref);
	default: return sizeof(void *);
	}
}

/* The member of one object becomes that of another, presence included. What it points to is shared. */
static void take_field(const struct m_field *f, void *to, const void *from)
{
	memcpy((char *)to + f->offset, (const char *)from + f->offset, slot_size(f));
	if (f->has_bit >= 0) {
		uint64_t bit = 1ULL << (f->has_bit % 64);
		uint64_t *dst = (uint64_t *)to + f->has_bit / 64;
		const uint64_t *src = (const uint64_t *)from + f->has_bit / 64;
		*dst = (*dst & ~bit) | (*src & bit);
	}
}

static bool is_same(struct pool *p, const struct m_type *t, const struct m_field *f, const void *a, const void *b)
{
	void *x = m_new(p, t), *y = m_new(p, t);

	take_field(f, x, a);
	take_field(f, y, b);
	return m_equal(t, x, y);
}

static void take_configuration(struct m_vm *to, const struct m_vm *from)
{
	for (int i = 0; i < M_TYPE_vm.n_fields; i++)
		if (is_configuration(&M_TYPE_vm.fields[i]))
			take_field(&M_TYPE_vm.fields[i], to, from);
}

/* ---- the configuration to come ---- */

static struct m_vm *read_next(struct pool *p, const struct m_vm *vm)
{
	struct err ignored;
	void *next = NULL;

	if (!vm->next_run || m_from_journal(p, &M_TYPE_vm, vm->next_run, strlen(vm->next_run), &next, &ignored) < 0)
		return NULL;
	return next;
}

struct m_vm *next_run_of(struct pool *p, const struct m_vm *vm)
{
	struct m_vm *copy = m_copy(p, &M_TYPE_vm, vm), *next = read_next(p, vm);

	copy->next_run = NULL;
	if (next)
		take_configuration(copy, next);
	return copy;
}

void next_run_apply(struct pool *p, struct m_vm *draft)
{
	struct m_vm *next = read_next(p, draft);

	if (next)
		take_configuration(draft, next);
	draft->next_run = NULL;
	M_SET(draft, next_run_configuration_exists, false);
}

/* ---- what differs ---- */

/* Members that matter to the Manager alone, or are only read when the VM starts. */
static const char *const NOW[] = { "name",
	                           "description",
	                           "comment",
	                           "delete_protected",
	                           "quota",
	                           "high_availability",
	                           "migration",
	                           "placement_policy",
	                           "sso",
	                           "initialization",
	                           "large_icon",
	                           "use_latest_template_version",
	                           "domain",
	                           "instance_type",
	                           "small_icon",
	                           "migration_downtime",
	                           "start_paused",
	                           "tunnel_migration",
	                           "cluster",
	                           "memory_policy.guaranteed",
	                           NULL };

struct finding {
	struct core *core;
	struct pool *pool;
	const struct m_vm *vm, *wanted;
	bool is_all_later;
	GArray *list;
};

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);
	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '.');
}

static enum change_when judge(const struct finding *f, const char *path, const char **why)
{
	if (strcmp(path, "cpu.topology.sockets") == 0) {
		*why = hotplug_refuse_cpus(f->core, f->pool, f->vm, f->wanted);
		return *why ? CHANGE_NEXT_RUN : CHANGE_PLUGGED;
	}
	if (strcmp(path, "memory") == 0) {
		*why = hotplug_refuse_memory(f->core, f->pool, f->vm, f->wanted);
		return *why ? CHANGE_NEXT_RUN : CHANGE_PLUGGED;
	}
	for (const char *const *n = NOW; *n; n++)
		if (is_below(path, *n))
			return CHANGE_NOW;
	*why = "a running machine cannot take it over";
	return CHANGE_NEXT_RUN;
}

static void note(struct finding *f, const char *path)
{
	struct vm_change ch = { .member = path, .when = CHANGE_NOW };

	if (f->is_all_later) {
		ch.when = CHANGE_NEXT_RUN;
		ch.why = "it was asked for";
	} else if (f->vm->status != M_VM_STATUS_DOWN) {
		ch.when = judge(f, path, &ch.why);
	}
	g_array_append_val(f->list, ch);
}

static void compare(struct finding *f, const struct m_type *t, const void *a, const void *b, const char *prefix)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct m_field *m = &t->fields[i];
		const void *x, *y;
		const char *path;

		if ((t == &M_TYPE_vm && !is_configuration(m)) || is_same(f->pool, t, m, a, b))
			continue;
		path = *prefix ? pool_printf(f->pool, "%s.%s", prefix, m->name) : m->name;
		if (m->kind != M_STRUCT || (m->flags & M_F_LIST)) {
			note(f, path);
			continue;
		}
		x = *(void *const *)((const char *)a + m->offset);
		y = *(void *const *)((const char *)b + m->offset);
		compare(f, m->type, x ? x : m_new(f->pool, m->type), y ? y : m_new(f->pool, m->type), path);
	}
}

struct vm_change *next_run_changes(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_vm *wanted,
                                   bool is_all_later, size_t *n)
{
	struct finding f = { .core = c,
		             .pool = p,
		             .vm = vm,
		             .wanted = wanted,
		             .is_all_later = is_all_later,
		             .list = g_array_new(FALSE, TRUE, sizeof(struct vm_change)) };
	struct vm_change *out;

	compare(&f, &M_TYPE_vm, vm, wanted, "");
	*n = f.list->len;
	out = POOL_ARRAY(p, struct vm_change, *n + 1);
	if (*n)
		memcpy(out, f.list->data, *n * sizeof(*out));
	g_array_free(f.list, TRUE);
	return out;
}

static const struct m_field *field_of_change(const struct vm_change *ch)
{
	for (int i = 0; i < M_TYPE_vm.n_fields; i++)
		if (is_below(ch->member, M_TYPE_vm.fields[i].name))
			return &M_TYPE_vm.fields[i];
	return NULL;
}

void next_run_keep_waiting(struct pool *p, const struct m_vm *waiting, const struct m_vm *wanted,
                           const struct m_vm *said, struct vm_change *list, size_t n)
{
	const struct m_vm *nothing = m_new(p, &M_TYPE_vm);

	for (size_t i = 0; i < n; i++) {
		const struct m_field *f = field_of_change(&list[i]);

		if (list[i].when == CHANGE_NEXT_RUN || !f || !is_same(p, &M_TYPE_vm, f, waiting, wanted) ||
		    !is_same(p, &M_TYPE_vm, f, said, nothing))
			continue;
		list[i].when = CHANGE_NEXT_RUN;
		list[i].why = "it waits already";
	}
}

/* ---- staging ---- */

/* Is all that changes below this member to be now? */
static bool is_wholly_now(const char *top, const struct vm_change *list, size_t n)
{
	bool is_any = false;

	for (size_t i = 0; i < n; i++)
		if (is_below(list[i].member, top)) {
			if (list[i].when == CHANGE_NEXT_RUN)
				return false;
			is_any = true;
		}
	return is_any;
}

static bool is_now(const char *member, const struct vm_change *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].member, member) == 0)
			return list[i].when != CHANGE_NEXT_RUN;
	return false;
}

void next_run_stage(struct pool *p, struct m_vm *draft, const struct m_vm *wanted, const struct vm_change *list,
                    size_t n)
{
	struct m_vm *next = m_copy(p, &M_TYPE_vm, wanted);
	bool is_different = false;

	for (int i = 0; i < M_TYPE_vm.n_fields; i++) {
		const struct m_field *f = &M_TYPE_vm.fields[i];
		if (is_configuration(f) && is_wholly_now(f->name, list, n))
			take_field(f, draft, next);
	}
	if (is_now("memory_policy.guaranteed", list, n) && next->memory_policy) {
		draft->memory_policy = draft->memory_policy ? m_copy(p, &M_TYPE_memory_policy, draft->memory_policy)
		                                            : m_new(p, &M_TYPE_memory_policy);
		M_SET(draft->memory_policy, guaranteed, M_GET(next->memory_policy, guaranteed, 0));
	}
	for (int i = 0; i < M_TYPE_vm.n_fields; i++) {
		const struct m_field *f = &M_TYPE_vm.fields[i];
		is_different = is_different || (is_configuration(f) && !is_same(p, &M_TYPE_vm, f, draft, next));
	}
	draft->next_run = NULL;
	if (is_different) {
		g_autoptr(GString) text = g_string_new(NULL);
		next->next_run = NULL;
		m_write_journal(text, &M_TYPE_vm, next);
		draft->next_run = pool_strdup(p, text->str);
	}
	M_SET(draft, next_run_configuration_exists, is_different);
}
