/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A small inventory to search in: two data centres, three hosts, five VMs and what belongs to them. */
#include "manager/api/search.h"
#include "model/types.h"

struct scene {
	struct pool *pool;
	struct core core; /* inventory and a clock that stands at Sunday, 22 November 2026, 18:00 UTC */
};

/* Empty, but with the clock. */
void scene_init(struct scene *s);
void scene_fill(struct scene *s);
void scene_deinit(struct scene *s);

/* Draft of an entity, to be published. */
void *scene_new(struct scene *s, enum kind k, const char *id, const char *name);
void scene_publish(struct scene *s, enum kind k, void *draft);
#define SCENE_NEW(s, K, type, id, name) ((struct m_##type *)scene_new(s, KIND_##K, id, name))

int64_t scene_ms(const char *date);
