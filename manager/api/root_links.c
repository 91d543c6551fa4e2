/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/root_links.h"

#include <string.h>

static const struct {
	const char *rel;
	bool has_search;
} LINKS[] = {
	{ "clusters", true },
	{ "datacenters", true },
	{ "events", true },
	{ "hosts", true },
	{ "networks", true },
	{ "roles", false },
	{ "storagedomains", true },
	{ "tags", false },
	{ "bookmarks", false },
	{ "icons", false },
	{ "templates", true },
	{ "instancetypes", true },
	{ "users", true },
	{ "groups", true },
	{ "domains", false },
	{ "vmpools", true },
	{ "vms", true },
	{ "disks", true },
	{ "jobs", false },
	{ "storageconnections", false },
	{ "vnicprofiles", false },
	{ "diskprofiles", false },
	{ "cpuprofiles", false },
	{ "schedulingpolicyunits", false },
	{ "schedulingpolicies", false },
	{ "permissions", false },
	{ "macpools", false },
	{ "networkfilters", false },
	{ "operatingsystems", false },
	{ "externalhostproviders", false },
	{ "openstackimageproviders", false },
	{ "openstackvolumeproviders", false },
	{ "openstacknetworkproviders", false },
	{ "katelloerrata", false },
	{ "affinitylabels", false },
	{ "clusterlevels", false },
	{ "imagetransfers", false },
	{ "externalvmimports", false },
	{ "externaltemplateimports", false },
};

static void add(GString *s, bool is_json, const char *base, const char *rel, const char *rel_suffix, const char *suffix)
{
	if (is_json)
		g_string_append_printf(s, "%s{\"href\":\"%s/%s%s\",\"rel\":\"%s%s\"}", s->len ? "," : "", base, rel,
		                       suffix, rel, rel_suffix);
	else
		g_string_append_printf(s, "<link href=\"%s/%s%s\" rel=\"%s%s\"/>", base, rel, suffix, rel, rel_suffix);
}

void root_links_insert(GString *out, gsize at, const char *base, bool is_json)
{
	const char *mark = is_json ? "{" : "<api>";
	char *begin = strstr(out->str + at, mark);
	GString *s = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(LINKS); i++) {
		bool is_events = strcmp(LINKS[i].rel, "events") == 0;
		add(s, is_json, base, LINKS[i].rel, "", "");
		if (LINKS[i].has_search)
			add(s, is_json, base, LINKS[i].rel, "/search",
			    is_events ? ";from={event_id}?search={query}" : "?search={query}");
	}
	if (is_json) {
		g_string_prepend(s, "\"link\":[");
		g_string_append(s, "],");
	}
	if (begin)
		g_string_insert(out, begin - out->str + (gssize)strlen(mark), s->str);
	g_string_free(s, TRUE);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

char *root_links_header(const char *origin, const char *base)
{
	const char *rels[G_N_ELEMENTS(LINKS)];
	GString *s = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(LINKS); i++)
		rels[i] = LINKS[i].rel;
	qsort(rels, G_N_ELEMENTS(LINKS), sizeof(rels[0]), by_name);
	for (size_t i = 0; i < G_N_ELEMENTS(LINKS); i++)
		g_string_append_printf(s, "%s<%s%s/%s>; rel=%s", i ? "," : "", origin, base, rels[i], rels[i]);
	return g_string_free(s, FALSE);
}
