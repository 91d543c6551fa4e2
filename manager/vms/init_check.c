/* SPDX-License-Identifier: Apache-2.0 */
/* What users may say about a first start. */
#include <arpa/inet.h>
#include <string.h>

#include "manager/vms/init_int.h"

GPtrArray *init_words(const char *text)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) parts = g_strsplit_set(text ? text : "", " ,;\t\r\n", -1);

	for (char **w = parts; *w; w++)
		if (**w)
			g_ptr_array_add(words, g_strdup(*w));
	return words;
}

int init_prefix(const char *netmask, bool is_v6)
{
	struct in_addr mask;
	char *end;
	long n;

	if (!netmask || !*netmask)
		return -1;
	n = strtol(netmask, &end, 10);
	if (!*end)
		return n >= 0 && n <= (is_v6 ? 128 : 32) ? (int)n : -1;
	if (is_v6 || inet_pton(AF_INET, netmask, &mask) != 1)
		return -1;
	mask.s_addr = ntohl(mask.s_addr);
	if (mask.s_addr && (~mask.s_addr & (~mask.s_addr + 1)))
		return -1;
	return __builtin_popcount(mask.s_addr);
}

char *init_netmask(struct pool *p, int prefix)
{
	const uint32_t m = prefix <= 0 ? 0 : 0xffffffffu << (32 - MIN(prefix, 32));

	return pool_printf(p, "%u.%u.%u.%u", m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
}

/* ---- texts ---- */

/* Valid UTF-8 within the size; without control characters, apart from ends of lines and tabs where there may be lines. */
static int check_text(const char *text, const char *name, size_t max, bool has_lines, struct err *e)
{
	g_autofree char *field = g_strconcat(INIT_FIELD, name, NULL);

	if (!text)
		return 0;
	if (strlen(text) > max)
		return err_field(e, ERR_TOO_LARGE, field, "%s must not have more than %zu bytes.", field, max);
	if (!g_utf8_validate(text, -1, NULL))
		return err_field(e, ERR_INVALID, field, "%s is not valid UTF-8.", field);
	for (const char *s = text; *s; s = g_utf8_next_char(s)) {
		const gunichar ch = g_utf8_get_char(s);

		if (has_lines && (ch == '\n' || ch == '\r' || ch == '\t'))
			continue;
		if (g_unichar_iscntrl(ch) || ch == 0x2028 || ch == 0x2029)
			return err_field(e, ERR_INVALID, field, "%s must not hold control characters.", field);
	}
	return 0;
}

/* Only letters and digits of ASCII and the others that are named. */
static int check_chars(const char *text, const char *name, const char *others, size_t max, struct err *e)
{
	g_autofree char *field = g_strconcat(INIT_FIELD, name, NULL);

	if (!text || !*text)
		return 0;
	if (strlen(text) > max)
		return err_field(e, ERR_TOO_LARGE, field, "%s must not have more than %zu characters.", field, max);
	for (const char *s = text; *s; s++)
		if (!g_ascii_isalnum(*s) && !strchr(others, *s))
			return err_field(e, ERR_INVALID, field, "%s may hold letters, digits and \"%s\" only.", field,
			                 others);
	return 0;
}

static bool is_address(const char *text, bool is_v6)
{
	unsigned char buf[16];

	return text && inet_pton(is_v6 ? AF_INET6 : AF_INET, text, buf) == 1;
}

static int check_dns(const struct m_initialization *init, struct err *e)
{
	g_autoptr(GPtrArray) servers = init_words(init->dns_servers), search = init_words(init->dns_search);

	if (servers->len > INIT_MAX_SERVERS || search->len > INIT_MAX_SERVERS)
		return err_field(e, ERR_TOO_LARGE, INIT_FIELD "dns_servers",
		                 "There may be %d name servers and search domains at most.", INIT_MAX_SERVERS);
	for (guint i = 0; i < servers->len; i++)
		if (!is_address(servers->pdata[i], false) && !is_address(servers->pdata[i], true))
			return err_field(e, ERR_INVALID, INIT_FIELD "dns_servers", "\"%s\" is not an IP address.",
			                 (char *)servers->pdata[i]);
	for (guint i = 0; i < search->len; i++)
		if (check_chars(search->pdata[i], "dns_search", ".-_", 253, e) < 0)
			return -1;
	return 0;
}

/* ---- network cards ---- */

static int check_ip(const struct m_ip *ip, enum m_boot_protocol how, bool is_v6, int at, struct err *e)
{
	const char *kind = is_v6 ? "ipv6" : "ip", *word = NULL, *wrong = NULL;
	g_autofree char *base = g_strdup_printf(INIT_FIELD "nic_configurations[%d].%s", at, kind), *field = NULL;

	if (how != M_BOOT_PROTOCOL_STATIC)
		return 0;
	if (!ip || !ip->address)
		return err_field(e, ERR_MISSING, base, "%s.address is needed for a static configuration.", base);
	if (!is_address(ip->address, is_v6))
		word = "address", wrong = ip->address;
	else if (init_prefix(ip->netmask, is_v6) < 0)
		word = "netmask", wrong = ip->netmask ? ip->netmask : "";
	else if (ip->gateway && *ip->gateway && !is_address(ip->gateway, is_v6))
		word = "gateway", wrong = ip->gateway;
	if (!word)
		return 0;
	field = g_strconcat(base, ".", word, NULL);
	return err_field(e, ERR_INVALID, field, "%s: \"%.64s\" is not valid.", field, wrong);
}

static int check_nic(const struct m_initialization *init, uint32_t i, struct err *e)
{
	const struct m_nic_configuration *n = init->nic_configurations.v[i];
	g_autofree char *name = g_strdup_printf("nic_configurations[%u].name", i);
	g_autofree char *field = g_strconcat(INIT_FIELD, name, NULL);

	if (!n->name || !*n->name)
		return err_field(e, ERR_MISSING, field, "%s is needed.", field);
	if (check_chars(n->name, name, "_.:-", 63, e) < 0)
		return -1;
	for (uint32_t k = 0; k < i; k++)
		if (g_strcmp0(init->nic_configurations.v[k]->name, n->name) == 0)
			return err_field(e, ERR_INVALID, field, "%s: \"%s\" is there twice.", field, n->name);
	if (check_ip(n->ip, n->boot_protocol, false, (int)i, e) < 0)
		return -1;
	return check_ip(n->ipv6, n->ipv6_boot_protocol, true, (int)i, e);
}

static int check_words(const struct m_initialization *init, struct err *e)
{
	const struct {
		const char *text, *name;
	} texts[] = { { init->active_directory_ou, "active_directory_ou" },
		      { init->input_locale, "input_locale" },
		      { init->org_name, "org_name" },
		      { init->root_password, "root_password" },
		      { init->system_locale, "system_locale" },
		      { init->timezone, "timezone" },
		      { init->ui_language, "ui_language" },
		      { init->user_locale, "user_locale" },
		      { init->windows_license_key, "windows_license_key" } };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (check_text(texts[i].text, texts[i].name, INIT_MAX_TEXT, false, e) < 0)
			return -1;
	return 0;
}

int init_check(const struct m_initialization *init, struct err *e)
{
	if (!init)
		return 0;
	if (check_words(init, e) < 0 || check_chars(init->host_name, "host_name", ".-", 253, e) < 0 ||
	    check_chars(init->domain, "domain", ".-_", 253, e) < 0 ||
	    check_text(init->user_name, "user_name", 104, false, e) < 0 ||
	    check_text(init->authorized_ssh_keys, "authorized_ssh_keys", INIT_MAX_KEYS, true, e) < 0 ||
	    check_text(init->custom_script, "custom_script", INIT_MAX_SCRIPT, true, e) < 0 || check_dns(init, e) < 0)
		return -1;
	if (init->user_name && strpbrk(init->user_name, ":/\"<>|*?=,;+"))
		return err_field(e, ERR_INVALID, INIT_FIELD "user_name",
		                 INIT_FIELD "user_name holds characters that no user's name may have.");
	if (init->nic_configurations.n > INIT_MAX_NICS)
		return err_field(e, ERR_TOO_LARGE, INIT_FIELD "nic_configurations",
		                 "There may be %d network cards at most.", INIT_MAX_NICS);
	for (uint32_t i = 0; i < init->nic_configurations.n; i++)
		if (check_nic(init, i, e) < 0)
			return -1;
	return 0;
}
