/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/pickle.h"

#include <string.h>

enum { MAX_STACK = 4096, MAX_MEMO = 65536, MAX_PROTOCOL = 4 };

struct machine {
	const guint8 *at, *end;
	GPtrArray *stack; /* json_t; NULL is a mark */
	GPtrArray *memo;  /* json_t of texts, NULL for others */
	const char *wrong;
};

static bool fail(struct machine *m, const char *why)
{
	if (!m->wrong)
		m->wrong = why;
	return false;
}

static bool take(struct machine *m, size_t n, const guint8 **out)
{
	if ((size_t)(m->end - m->at) < n)
		return fail(m, "it ends too early");
	*out = m->at;
	m->at += n;
	return true;
}

/* Little endian. */
static bool number(struct machine *m, size_t n, guint64 *out)
{
	const guint8 *b;

	if (!take(m, n, &b))
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out |= (guint64)b[i] << (8 * i);
	return true;
}

/* --- stack ------------------------------------------------------------------- */

static void drop(gpointer v) { json_decref(v); }

static bool push(struct machine *m, json_t *v)
{
	if (m->stack->len >= MAX_STACK) {
		json_decref(v);
		return fail(m, "it is too deep");
	}
	g_ptr_array_add(m->stack, v);
	return true;
}

static json_t *top(struct machine *m) { return m->stack->len ? m->stack->pdata[m->stack->len - 1] : NULL; }

/* Items above the last mark; -1 without one. */
static int above_mark(struct machine *m)
{
	for (guint i = m->stack->len; i > 0; i--)
		if (!m->stack->pdata[i - 1])
			return (int)(m->stack->len - i);
	fail(m, "a mark is missing");
	return -1;
}

static void cut(struct machine *m, guint n) { g_ptr_array_set_size(m->stack, (gint)(m->stack->len - n)); }

/* --- values -------------------------------------------------------------------- */

static bool text(struct machine *m, size_t length_size)
{
	const guint8 *b;
	guint64 n;
	json_t *v;

	if (!number(m, length_size, &n) || n > PICKLE_MAX || !take(m, (size_t)n, &b))
		return fail(m, "a text is too long");
	v = json_stringn((const char *)b, (size_t)n);
	return v ? push(m, v) : fail(m, "a text is not UTF-8");
}

static bool integer(struct machine *m, size_t n, bool is_signed)
{
	guint64 v;

	if (!number(m, n, &v))
		return false;
	if (is_signed && n > 0 && n < 8 && v >> (8 * n - 1))
		v |= ~(guint64)0 << (8 * n);
	return push(m, json_integer((json_int_t)v));
}

static bool long_integer(struct machine *m)
{
	guint64 n;

	if (!number(m, 1, &n))
		return false;
	return n <= 8 ? integer(m, (size_t)n, true) : fail(m, "a number is too large");
}

static bool real(struct machine *m)
{
	const guint8 *b;
	guint64 bits = 0;
	double v;

	if (!take(m, 8, &b))
		return false;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | b[i];
	memcpy(&v, &bits, sizeof(v));
	return v - v == 0 ? push(m, json_real(v)) : fail(m, "a number is none");
}

/* --- containers ------------------------------------------------------------------ */

static bool set_items(struct machine *m, int n)
{
	const guint mark = n < 0 ? 0 : 1;
	guint base;
	json_t *object;

	if (n < 0 && (n = above_mark(m)) < 0)
		return false;
	base = m->stack->len - (guint)n;
	if (m->stack->len < (guint)n + 2 - mark || n % 2)
		return fail(m, "a dictionary is missing");
	object = m->stack->pdata[base - 2 + mark];
	if (!json_is_object(object))
		return fail(m, "a dictionary is missing");
	for (guint i = base; i + 1 < m->stack->len; i += 2) {
		json_t *key = m->stack->pdata[i], *value = m->stack->pdata[i + 1];

		if (!json_is_string(key) || !value || json_object_set(object, json_string_value(key), value) < 0)
			return fail(m, "a dictionary has a key that is not a text");
	}
	cut(m, (guint)n + 1 - mark);
	return true;
}

static bool append(struct machine *m, int n)
{
	const guint mark = n < 0 ? 0 : 1;
	guint base;
	json_t *list;

	if (n < 0 && (n = above_mark(m)) < 0)
		return false;
	base = m->stack->len - (guint)n;
	if (m->stack->len < (guint)n + 2 - mark)
		return fail(m, "a list is missing");
	list = m->stack->pdata[base - 2 + mark];
	if (!json_is_array(list))
		return fail(m, "a list is missing");
	for (guint i = base; i < m->stack->len; i++)
		if (!m->stack->pdata[i] || json_array_append(list, m->stack->pdata[i]) < 0)
			return fail(m, "a list is not one");
	cut(m, (guint)n + 1 - mark);
	return true;
}

/* A tuple of the topmost n, or of those above the mark, becomes a list. */
static bool tuple(struct machine *m, int n)
{
	const guint mark = n < 0 ? 1 : 0;
	json_t *list;

	if (n < 0 && (n = above_mark(m)) < 0)
		return false;
	if (m->stack->len < (guint)n)
		return fail(m, "a tuple is cut");
	list = json_array();
	for (guint i = m->stack->len - (guint)n; i < m->stack->len; i++)
		if (!m->stack->pdata[i] || json_array_append(list, m->stack->pdata[i]) < 0) {
			json_decref(list);
			return fail(m, "a tuple is cut");
		}
	cut(m, (guint)n + mark);
	return push(m, list);
}

/* --- memo ------------------------------------------------------------------------ */

/* Only texts are kept: what refers to a container might refer to itself. */
static bool keep(struct machine *m, guint64 index)
{
	json_t *v = top(m);

	if (!v || index >= MAX_MEMO)
		return fail(m, "it remembers too much");
	if (m->memo->len <= index)
		g_ptr_array_set_size(m->memo, (gint)index + 1);
	json_decref(m->memo->pdata[index]);
	m->memo->pdata[index] = json_is_string(v) ? json_incref(v) : NULL;
	return true;
}

static bool put(struct machine *m, size_t n)
{
	guint64 index;

	return number(m, n, &index) && keep(m, index);
}

static bool get(struct machine *m, size_t n)
{
	guint64 index;

	if (!number(m, n, &index))
		return false;
	if (index >= m->memo->len || !m->memo->pdata[index])
		return fail(m, "it refers to what is not a text");
	return push(m, json_incref(m->memo->pdata[index]));
}

/* --- the machine ------------------------------------------------------------------- */

static bool protocol(struct machine *m)
{
	guint64 v;

	return number(m, 1, &v) && (v <= MAX_PROTOCOL || fail(m, "its protocol is too new"));
}

static bool mark(struct machine *m)
{
	if (m->stack->len >= MAX_STACK)
		return fail(m, "it is too deep");
	g_ptr_array_add(m->stack, NULL);
	return true;
}

static bool pop(struct machine *m)
{
	if (!m->stack->len)
		return fail(m, "it takes what is not there");
	cut(m, 1);
	return true;
}

static bool frame(struct machine *m)
{
	guint64 ignored;

	return number(m, 8, &ignored);
}

static bool step(struct machine *m, guint8 op)
{
	switch (op) {
	case 0x80: return protocol(m);
	case 0x95: return frame(m);
	case '}': return push(m, json_object());
	case ']': return push(m, json_array());
	case ')': return push(m, json_array());
	case '(': return mark(m);
	case '0': return pop(m);
	case 'N': return push(m, json_null());
	case 0x88: return push(m, json_true());
	case 0x89: return push(m, json_false());
	case 'K': return integer(m, 1, false);
	case 'M': return integer(m, 2, false);
	case 'J': return integer(m, 4, true);
	case 0x8a: return long_integer(m);
	case 'G': return real(m);
	case 'X':
	case 'T': return text(m, 4);
	case 'U':
	case 0x8c: return text(m, 1);
	case 's': return set_items(m, 2);
	case 'u': return set_items(m, -1);
	case 'a': return append(m, 1);
	case 'e': return append(m, -1);
	case 't': return tuple(m, -1);
	case 0x85: return tuple(m, 1);
	case 0x86: return tuple(m, 2);
	case 0x87: return tuple(m, 3);
	case 'q': return put(m, 1);
	case 'r': return put(m, 4);
	case 0x94: return keep(m, m->memo->len);
	case 'h': return get(m, 1);
	case 'j': return get(m, 4);
	default: return fail(m, "it holds more than plain data");
	}
}

json_t *pickle_read(const void *data, size_t n, struct err *e)
{
	struct machine m = { .at = data, .end = (const guint8 *)data + n };
	json_t *result = NULL;
	guint8 op = 0;

	if (n > PICKLE_MAX) {
		err_set(e, ERR_TOO_LARGE, "the saved configuration is larger than %d MiB", PICKLE_MAX >> 20);
		return NULL;
	}
	m.stack = g_ptr_array_new_with_free_func(drop);
	m.memo = g_ptr_array_new_with_free_func(drop);
	while (!m.wrong) {
		if (m.at == m.end)
			fail(&m, "it ends too early");
		else if ((op = *m.at++) == '.')
			break;
		else
			step(&m, op);
	}
	if (!m.wrong && m.stack->len == 1 && top(&m))
		result = json_incref(top(&m));
	else
		err_set(e, ERR_SYNTAX, "the saved configuration cannot be read: %s",
		        m.wrong ? m.wrong : "it is no value");
	g_ptr_array_free(m.stack, TRUE);
	g_ptr_array_free(m.memo, TRUE);
	return result;
}

/* --- writing ------------------------------------------------------------------------ */

static void put_text(GByteArray *out, const char *s)
{
	const size_t n = strlen(s);
	const guint8 head[5] = { 'X', n & 255, n >> 8 & 255, n >> 16 & 255, n >> 24 & 255 };

	g_byte_array_append(out, head, sizeof(head));
	g_byte_array_append(out, (const guint8 *)s, (guint)n);
}

void pickle_write(GByteArray *out, const json_t *object)
{
	const char *key;
	json_t *v;

	g_byte_array_append(out, (const guint8 *)"\x80\x02}(", 4);
	json_object_foreach ((json_t *)object, key, v) {
		put_text(out, key);
		put_text(out, json_is_string(v) ? json_string_value(v) : "");
	}
	g_byte_array_append(out, (const guint8 *)"u.", 2);
}
