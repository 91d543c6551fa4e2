/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define FIRST_CHUNK 1024
#define MAX_CHUNK   (64 * 1024)
#define ALIGN       16

struct chunk {
	struct chunk *next;
	size_t size;
	_Alignas(ALIGN) char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *);
	void *arg;
};

struct pool {
	struct chunk *chunks; /* the first one is being filled, from the front */
	size_t used;          /* of the first chunk */
	size_t next_size;
	size_t total;
	struct cleanup *cleanups;
};

struct pool *pool_new(void)
{
	struct pool *p = g_new0(struct pool, 1);

	p->next_size = FIRST_CHUNK;
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	/* A cleanup may still use the pool, even register another one. */
	while (p->cleanups) {
		struct cleanup *c = p->cleanups;

		p->cleanups = c->next;
		c->fn(c->arg);
	}
	while (p->chunks) {
		struct chunk *c = p->chunks;

		p->chunks = c->next;
		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		free(c);
	}
	g_free(p);
}

void pool_free_p(struct pool **p)
{
	pool_free(*p);
	*p = NULL;
}

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		g_error("out of memory: %zu bytes", size);
	c->size = size;
	ASAN_POISON_MEMORY_REGION(c->data, c->size);
	return c;
}

void *pool_alloc(struct pool *p, size_t size)
{
	size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct chunk *c = p->chunks;
	char *at;

	if (size > G_MAXSSIZE / 2)
		g_error("out of memory: %zu bytes", size);
	if (rounded == 0)
		rounded = ALIGN;
	p->total += rounded;
	if (rounded > MAX_CHUNK / 4) {
		/* A block of its own, behind the chunk that is being filled. */
		c = chunk_new(rounded);
		if (p->chunks) {
			c->next = p->chunks->next;
			p->chunks->next = c;
		} else {
			p->chunks = c;
			p->used = rounded;
		}
		ASAN_UNPOISON_MEMORY_REGION(c->data, size);
		return c->data;
	}
	if (!c || c->size - p->used < rounded) {
		while (p->next_size < rounded)
			p->next_size *= 2;
		c = chunk_new(p->next_size);
		c->next = p->chunks;
		p->chunks = c;
		p->used = 0;
		p->next_size = MIN(p->next_size * 2, (size_t)MAX_CHUNK);
	}
	at = c->data + p->used;
	p->used += rounded;
	ASAN_UNPOISON_MEMORY_REGION(at, size);
	return at;
}

char *pool_strndup(struct pool *p, const char *s, size_t n)
{
	char *copy;
	size_t len;

	if (!s)
		return NULL;
	len = strnlen(s, n);
	copy = pool_alloc(p, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *pool_strdup(struct pool *p, const char *s) { return s ? pool_strndup(p, s, strlen(s)) : NULL; }

char *pool_printf(struct pool *p, const char *fmt, ...)
{
	char small[256], *text;
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = g_vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (len < 0)
		g_error("bad format: %s", fmt);
	text = pool_alloc(p, (size_t)len + 1);
	if ((size_t)len < sizeof(small))
		memcpy(text, small, (size_t)len);
	else
		g_vsnprintf(text, (gulong)len + 1, fmt, again);
	va_end(again);
	return text;
}

size_t pool_size(const struct pool *p) { return p->total; }

void pool_on_free(struct pool *p, void (*fn)(void *), void *arg)
{
	struct cleanup *c = POOL_NEW(p, struct cleanup);

	c->fn = fn;
	c->arg = arg;
	c->next = p->cleanups;
	p->cleanups = c;
}
