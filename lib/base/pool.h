/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Things that die together live together: an arena that is freed as a whole. What one request, one
 * parsed document or one job step allocates goes into its pool. Memory is zeroed and aligned to 16
 * bytes; allocation cannot fail (it aborts, as GLib does). Not thread safe: one owner at a time.
 */
#include <stdarg.h>
#include <stddef.h>

struct pool;

struct pool *pool_new(void);
/* NULL is fine. */
void pool_free(struct pool *p);

void *pool_alloc(struct pool *p, size_t size);
#define POOL_NEW(p, type)      ((type *)pool_alloc((p), sizeof(type)))
#define POOL_ARRAY(p, type, n) ((type *)pool_alloc((p), sizeof(type) * (size_t)(n)))

/* NULL gives NULL. */
char *pool_strdup(struct pool *p, const char *s);
char *pool_strndup(struct pool *p, const char *s, size_t n);
char *pool_printf(struct pool *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bytes handed out so far, for limits. */
size_t pool_size(const struct pool *p);
/* Call fn(arg) when the pool is freed, last registered first; for owners of what is not memory. */
void pool_on_free(struct pool *p, void (*fn)(void *), void *arg);

void pool_free_p(struct pool **p);
#define auto_pool __attribute__((cleanup(pool_free_p))) struct pool *
