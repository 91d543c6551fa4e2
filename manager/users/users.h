/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who may do what: login pages, users and groups of the internal domain, roles, permissions. */
#include "manager/api/front.h"
#include "manager/core/auth.h"

/* The directory that users of this installation live in, and the profile they log in through. */
#define INTERNAL_DOMAIN  "internal-authz"
#define INTERNAL_PROFILE "internal"

extern const struct page SSO_PAGES[], USER_PAGES[];
extern const struct api_op USER_OPS[], GROUP_OPS[], ROLE_OPS[], PERMISSION_OPS[];

void users_register(struct core *c);
/* A provider's domain as the API shows it, in the call's pool. */
struct m_domain *users_domain(struct call *c, const struct auth_provider *p);
/* The provider of domains/{ids[0]}. */
const struct auth_provider *users_provider(struct call *c, struct err *e);
/* "jane@internal-authz" from "jane", in the pool; the name without its domain. */
char *user_full_name(struct pool *p, const char *name);
char *user_short_name(struct pool *p, const char *name);
/* The password that the set-up wrote down is not the administrator's any more: its file goes. Any user's id. */
void users_forget_first_password(struct core *c, const char *user_id);
