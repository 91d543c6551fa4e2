/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a path below the base to a service and its parameters, by walking the service tree of the model. */
#include "manager/api/call.h"

struct route {
	const struct m_service *service;
	const char *action;            /* path word of an action, or NULL */
	const char *ids[CALL_MAX_IDS]; /* decoded, in the pool */
	int n_ids;
	const char *matrix; /* matrix parameters of the last segment ("max=20;current"), or NULL */
	const char *path;   /* clean path: no matrix parameters, no slashes at the ends */
};

/* path: as sent, behind the base. False: no such resource. */
bool route_find(struct pool *p, const char *path, struct route *r);
/* The operation for a method; NULL with *is_known telling whether the path has other methods (405) or not. */
const struct m_op *route_op(const struct route *r, const char *method);
/* "GET, HEAD, OPTIONS, POST" */
char *route_allow(struct pool *p, const struct route *r);
