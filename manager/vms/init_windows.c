/* SPDX-License-Identifier: Apache-2.0 */
/* The answer files of Windows' setup: XML since Vista, an INI file before. */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "manager/vms/init_int.h"

#define X(s) ((const xmlChar *)(s))

static bool is_old(const char *os)
{
	return os && (g_str_has_prefix(os, "windows_xp") || g_str_has_prefix(os, "windows_2003"));
}

static bool is_64_bit(const char *os) { return !os || strcmp(os, "windows_7") != 0 || g_str_has_suffix(os, "x64"); }

/* What both forms tell; NULL or "": not given. */
struct answers {
	char computer[16]; /* Windows takes no more */
	const char *organization, *owner, *time_zone, *key, *password, *user, *domain, *ou;
	const char *input, *ui, *system, *user_locale;
	const char *arch;
};

static const char *first_of(const char *a, const char *b) { return a && *a ? a : b; }

static void answers_read(const struct m_vm *vm, const struct m_initialization *init, struct answers *a)
{
	static const struct m_initialization NOTHING;
	const char *os = vm->os ? vm->os->type : NULL, *name = init_host_name(vm, init);
	size_t n = 0;

	if (!init)
		init = &NOTHING;
	for (const char *s = name; *s && *s != '.' && n + 1 < sizeof(a->computer); s++)
		if (g_ascii_isalnum(*s) || *s == '-')
			a->computer[n++] = *s;
	a->organization = first_of(init->org_name, "");
	a->owner = first_of(init->user_name, "user");
	a->time_zone = first_of(init->timezone, "GMT Standard Time");
	a->key = init->windows_license_key;
	a->password = init->root_password;
	a->user = init->user_name;
	a->domain = init->domain;
	a->ou = init->active_directory_ou;
	a->input = first_of(init->input_locale, "en-US");
	a->ui = first_of(init->ui_language, "en-US");
	a->system = first_of(init->system_locale, "en-US");
	a->user_locale = first_of(init->user_locale, "en-US");
	a->arch = is_64_bit(os) ? "amd64" : "x86";
}

/* ---- XML ---- */

static xmlNodePtr add(xmlNodePtr parent, const char *name, const char *text)
{
	return xmlNewTextChild(parent, NULL, X(name), text && *text ? X(text) : NULL);
}

static void add_if(xmlNodePtr parent, const char *name, const char *text)
{
	if (text && *text)
		add(parent, name, text);
}

static xmlNodePtr pass(xmlNodePtr root, const char *name)
{
	xmlNodePtr n = add(root, "settings", NULL);

	xmlSetProp(n, X("pass"), X(name));
	return n;
}

static xmlNodePtr component(xmlNodePtr settings, const struct answers *a, const char *name)
{
	xmlNodePtr n = add(settings, "component", NULL);

	xmlSetProp(n, X("name"), X(name));
	xmlSetProp(n, X("processorArchitecture"), X(a->arch));
	xmlSetProp(n, X("publicKeyToken"), X("31bf3856ad364e35"));
	xmlSetProp(n, X("language"), X("neutral"));
	xmlSetProp(n, X("versionScope"), X("nonSxS"));
	return n;
}

static void add_secret(xmlNodePtr parent, const char *name, const char *value)
{
	xmlNodePtr n = add(parent, name, NULL);

	add(n, "Value", value);
	add(n, "PlainText", "true");
}

static void specialize(xmlNodePtr root, const struct answers *a)
{
	xmlNodePtr settings = pass(root, "specialize"), n, join;

	n = component(settings, a, "Microsoft-Windows-Shell-Setup");
	add_if(n, "ComputerName", a->computer);
	add_if(n, "RegisteredOrganization", a->organization);
	add_if(n, "RegisteredOwner", a->owner);
	add_if(n, "ProductKey", a->key);
	add_if(n, "TimeZone", a->time_zone);
	if (!a->domain || !*a->domain)
		return;
	join = add(component(settings, a, "Microsoft-Windows-UnattendedJoin"), "Identification", NULL);
	if (a->user && *a->user) {
		n = add(join, "Credentials", NULL);
		add(n, "Domain", a->domain);
		add(n, "Username", a->user);
		add_if(n, "Password", a->password);
	}
	add(join, "JoinDomain", a->domain);
	add_if(join, "MachineObjectOU", a->ou);
}

static void first_logon(xmlNodePtr root, const struct answers *a)
{
	xmlNodePtr settings = pass(root, "oobeSystem"), n, accounts, user;

	n = component(settings, a, "Microsoft-Windows-International-Core");
	add(n, "InputLocale", a->input);
	add(n, "SystemLocale", a->system);
	add(n, "UILanguage", a->ui);
	add(n, "UserLocale", a->user_locale);
	n = component(settings, a, "Microsoft-Windows-Shell-Setup");
	user = add(n, "OOBE", NULL);
	add(user, "HideEULAPage", "true");
	add(user, "NetworkLocation", "Work");
	add(user, "ProtectYourPC", "1");
	if (!a->password || !*a->password)
		return;
	accounts = add(n, "UserAccounts", NULL);
	add_secret(accounts, "AdministratorPassword", a->password);
	if (!a->user || !*a->user || (a->domain && *a->domain) || g_ascii_strcasecmp(a->user, "administrator") == 0)
		return;
	accounts = add(accounts, "LocalAccounts", NULL);
	user = add(accounts, "LocalAccount", NULL);
	xmlNewNsProp(user, xmlNewNs(user, X("http://schemas.microsoft.com/WMIConfig/2002/State"), X("wcm")),
	             X("action"), X("add"));
	add_secret(user, "Password", a->password);
	add(user, "DisplayName", a->user);
	add(user, "Group", "administrators");
	add(user, "Name", a->user);
}

static const char *unattend(struct pool *p, const struct answers *a)
{
	xmlDocPtr doc = xmlNewDoc(X("1.0"));
	xmlNodePtr root = xmlNewNode(NULL, X("unattend"));
	xmlChar *text = NULL;
	const char *kept;
	int n;

	xmlDocSetRootElement(doc, root);
	xmlSetNs(root, xmlNewNs(root, X("urn:schemas-microsoft-com:unattend"), NULL));
	specialize(root, a);
	first_logon(root, a);
	xmlDocDumpFormatMemoryEnc(doc, &text, &n, "utf-8", 1);
	kept = pool_strdup(p, (const char *)text);
	xmlFree(text);
	xmlFreeDoc(doc);
	return kept;
}

/* ---- INI ---- */

/* Within quotes; a quote of the value is left out, for there is no way to write it. */
static void ini(GString *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	g_string_append_printf(out, "%s=\"", key);
	for (const char *s = value; *s; s++)
		if (*s != '"')
			g_string_append_c(out, *s);
	g_string_append(out, "\"\r\n");
}

static const char *sysprep_inf(struct pool *p, const struct answers *a)
{
	g_autoptr(GString) out =
	    g_string_new("[Unattended]\r\nOemSkipEula=Yes\r\nInstallFilesPath=C:\\sysprep\\i386\r\n\r\n");

	g_string_append(out,
	                "[GuiUnattended]\r\nEncryptedAdminPassword=NO\r\nOEMSkipRegional=1\r\nOemSkipWelcome=1\r\n");
	ini(out, "AdminPassword", first_of(a->password, "*"));
	ini(out, "TimeZone", a->time_zone);
	g_string_append(out, "\r\n[UserData]\r\n");
	ini(out, "ProductKey", a->key);
	ini(out, "FullName", a->owner);
	ini(out, "OrgName", a->organization);
	ini(out, "ComputerName", first_of(a->computer, "*"));
	g_string_append(out, "\r\n[Identification]\r\n");
	if (a->domain && *a->domain) {
		ini(out, "JoinDomain", a->domain);
		ini(out, "MachineObjectOU", a->ou);
		ini(out, "DomainAdmin", a->user);
		ini(out, "DomainAdminPassword", a->password);
	} else {
		ini(out, "JoinWorkgroup", "WORKGROUP");
	}
	g_string_append(out, "\r\n[Networking]\r\nInstallDefaultComponents=Yes\r\n");
	return pool_strdup(p, out->str);
}

/* ---- both ---- */

static void be_quiet(void *arg, const char *fmt, ...) {}

static int check_own(const char *text, struct err *e)
{
	xmlParserCtxtPtr ctx = xmlNewParserCtxt();
	xmlDocPtr doc;
	bool is_good;

	xmlSetGenericErrorFunc(NULL, be_quiet);
	doc = xmlCtxtReadMemory(ctx, text, (int)strlen(text), NULL, NULL,
	                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	is_good = doc && !doc->intSubset;
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(ctx);
	if (is_good)
		return 0;
	return err_field(e, ERR_INVALID, INIT_FIELD "custom_script",
	                 INIT_FIELD "custom_script is not the well-formed XML that an answer file has to be.");
}

int init_windows(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
                 struct err *e)
{
	const char *own = init && init->custom_script && *init->custom_script ? init->custom_script : NULL;
	const bool is_ini = is_old(vm->os ? vm->os->type : NULL);
	struct answers a = { .computer = "" };
	struct domain_payload_file f;

	if (own && !is_ini && check_own(own, e) < 0)
		return -1;
	answers_read(vm, init, &a);
	if (!own)
		own = is_ini ? sysprep_inf(p, &a) : unattend(p, &a);
	f = init_file(p, is_ini ? "sysprep.inf" : "Unattend.xml", own);
	g_array_append_val(files, f);
	return 0;
}
