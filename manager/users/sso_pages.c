/* SPDX-License-Identifier: Apache-2.0 */
/* Login as the SDKs do it: OAuth tokens, their end, and what is told about them. */
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "manager/api/page.h"
#include "manager/users/users.h"

#define CHANGE_PASSWORD "/ovirt-engine/hostler/password"

static json_t *error_json(const char *scope, const char *code, const char *text)
{
	bool is_api = !scope || strstr(scope, "ovirt-app-api");
	g_autofree char *valid =
	    g_utf8_make_valid(text, -1); /* a quoted name may be cut in the middle of a character */

	return is_api ? json_pack("{s:s,s:s}", "error_code", code, "error", valid)
	              : json_pack("{s:s,s:s,s:s}", "error", code, "error_description", valid, "error_code", code);
}

static void reply_error(struct page_call *pc, const char *scope, const char *code, const char *text)
{
	page_reply_json(pc, 400, error_json(scope, code, text));
}

/* Says apart what a person can do something about: another password, or waiting. */
static void refuse_login(struct page_call *pc, const char *scope, const struct login *in, const struct err *e)
{
	json_t *out;

	if (e->code != ERR_AUTH) {
		reply_error(pc, scope, "server_error", e->detail);
		return;
	}
	out = error_json(scope, "access_denied", e->detail);
	if (in->refusal == LOGIN_EXPIRED) {
		json_object_set_new(out, "reason", json_string("password_expired"));
		json_object_set_new(out, "change_password", json_string(CHANGE_PASSWORD));
	} else {
		json_object_set_new(out, "reason", json_string(in->refusal == LOGIN_LOCKED ? "locked" : "wrong"));
	}
	page_reply_json(pc, 400, out);
}

static void token(struct page_call *pc)
{
	const char *grant = page_param(pc, "grant_type"), *scope = page_param(pc, "scope");
	const char *user = page_param(pc, "username"), *password = page_param(pc, "password");
	struct err e = ERR_INIT;
	struct login in;
	char expires[24];

	if (!grant || strcmp(grant, "password") != 0) {
		reply_error(pc, scope, grant ? "unsupported_grant_type" : "invalid_request",
		            grant ? "grant_type must be 'password'." : "The parameter grant_type is missing.");
		return;
	}
	if (!user || !password) {
		reply_error(pc, scope, "invalid_request",
		            !user ? "The parameter username is missing." : "The parameter password is missing.");
		return;
	}
	if (!http_is_tls(pc->x)) {
		reply_error(pc, scope, "invalid_request", "Passwords are only taken over HTTPS.");
		return;
	}
	if (!strrchr(user, '@')) {
		reply_error(pc, scope, "access_denied",
		            "The user name must be name@profile, for example admin@internal.");
		return;
	}
	if (session_open(pc->core, user, password, http_peer(pc->x), &in, &e) < 0) {
		refuse_login(pc, scope, &in, &e);
		return;
	}
	g_snprintf(expires, sizeof(expires), "%" G_GINT64_FORMAT, in.expires_ms);
	page_reply_json(pc, 200,
	                json_pack("{s:s,s:s,s:s,s:s}", "access_token", in.token, "scope",
	                          scope ? scope : "ovirt-app-api", "exp", expires, "token_type", "bearer"));
}

static void token_http_auth(struct page_call *pc)
{
	reply_error(pc, page_param(pc, "scope"), "unsupported_grant_type",
	            "Login with Kerberos is not implemented in this version.");
}

static void token_info(struct page_call *pc)
{
	const char *t = page_param(pc, "token");
	struct identity who;
	struct err e = ERR_INIT;
	char expires[24];
	json_t *info;

	if (!t || session_by_token(pc->core, t, &who, &e) < 0) {
		reply_error(pc, NULL, "invalid_grant", t ? e.detail : "The parameter token is missing.");
		return;
	}
	g_snprintf(expires, sizeof(expires), "%" G_GINT64_FORMAT, session_expires(pc->core, t));
	info = json_pack("{s:b,s:s,s:s,s:s,s:s,s:s}", "active", 1, "token_type", "bearer", "user_id", who.user_name,
	                 "user_authz", "internal-authz", "scope", "ovirt-app-api", "exp", expires);
	json_object_set_new(
	    info, "ovirt",
	    json_pack("{s:s,s:s,s:[s]}", "version", "0", "principal_id", who.user_id, "group_ids", PERM_EVERYONE));
	page_reply_json(pc, 200, info);
}

static void logout(struct page_call *pc)
{
	session_logout(pc->core, page_param(pc, "token"));
	page_reply_json(pc, 200, json_object());
}

/* One's own password: user, password, new_password. Works also when the old one is out of date. */
static void change_password(struct page_call *pc)
{
	const char *user = page_param(pc, "user"), *old = page_param(pc, "password"),
	           *new = page_param(pc, "new_password");
	struct err e = ERR_INIT;
	struct identity who;

	if (!user || !old || !new)
		reply_error(pc, NULL, "invalid_request", "The parameters user, password and new_password are wanted.");
	else if (!http_is_tls(pc->x))
		reply_error(pc, NULL, "invalid_request", "Passwords are only taken over HTTPS.");
	else if (session_change_password(pc->core, user, old, new, &who, &e) < 0) {
		reply_error(pc, NULL, e.code == ERR_AUTH ? "access_denied" : "invalid_request", e.detail);
	} else {
		users_forget_first_password(pc->core, who.user_id);
		page_reply_json(pc, 200, json_object());
	}
}

static void status(struct page_call *pc)
{
	page_reply_json(pc, 200,
	                json_pack("{s:s,s:s,s:s}", "status", "active", "status_description", "SSO Webapp Deployed",
	                          "version", "0"));
}

const struct page SSO_PAGES[] = {
	{ "/ovirt-engine/sso/oauth/token", "GET,POST", token },
	{ "/ovirt-engine/sso/oauth/token-http-auth", "GET,POST", token_http_auth },
	{ "/ovirt-engine/sso/oauth/token-info", "POST", token_info },
	{ "/ovirt-engine/sso/oauth/revoke", "POST", logout },
	{ "/ovirt-engine/services/sso-logout", "GET,POST", logout },
	{ CHANGE_PASSWORD, "POST", change_password },
	{ "/ovirt-engine/sso/status", "GET", status },
	{ .path = NULL },
};
