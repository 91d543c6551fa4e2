/* SPDX-License-Identifier: Apache-2.0 */
/* The file that Remote Viewer opens. */
#include <string.h>

#include "manager/hosts/pki.h"
#include "manager/vms/viewer_file.h"

#define GROUP    "virt-viewer"
#define VERSIONS "rhev-win64:2.0-160;rhev-win32:2.0-160;rhel8:7.0-3;rhel7:2.0-6;rhel6:99.0-1"
#define CHANNELS "smain;sinputs;scursor;splayback;srecord;sdisplay;ssmartcard;susbredir"

static void set_spice(GKeyFile *f, const struct viewer_file *v)
{
	const struct m_display *d = v->vm->display;
	g_autofree char *subject = NULL;

	g_key_file_set_integer(f, GROUP, "enable-smartcard", d && M_GET(d, smartcard_enabled, false));
	g_key_file_set_integer(f, GROUP, "enable-usbredir", v->vm->usb && M_GET(v->vm->usb, enabled, false));
	g_key_file_set_integer(f, GROUP, "enable-usb-autoshare", 1);
	g_key_file_set_string(f, GROUP, "usb-filter", "-1,-1,-1,-1,0");
	if (d && d->proxy && *d->proxy)
		g_key_file_set_string(f, GROUP, "proxy", d->proxy);
	if (v->tls_port <= 0)
		return;
	subject = g_strdup_printf("O=hostler,CN=%s", v->host_name);
	g_key_file_set_integer(f, GROUP, "tls-port", v->tls_port);
	g_key_file_set_string(f, GROUP, "tls-ciphers", "DEFAULT");
	g_key_file_set_string(f, GROUP, "host-subject", subject);
	g_key_file_set_string(f, GROUP, "secure-channels", CHANNELS);
}

static void set_manager(GKeyFile *f, const struct viewer_file *v)
{
	if (!v->authority || !v->token)
		return;
	g_key_file_set_string(f, "ovirt", "host", v->authority);
	g_key_file_set_string(f, "ovirt", "vm-guid", v->vm->id);
	g_key_file_set_string(f, "ovirt", "sso-token", v->token);
	g_key_file_set_integer(f, "ovirt", "admin", v->is_admin);
	if (v->ca)
		g_key_file_set_string(f, "ovirt", "ca", v->ca);
}

char *viewer_file_text(const struct viewer_file *v)
{
	g_autoptr(GKeyFile) f = g_key_file_new();
	g_autofree char *title = g_strdup_printf("%s:%%d", v->vm->name);
	g_autofree char *until = g_strdup_printf(" The password is valid for %d seconds.", v->valid_s);

	g_key_file_set_string(f, GROUP, "type", v->is_spice ? "spice" : "vnc");
	g_key_file_set_string(f, GROUP, "host", v->address);
	if (v->port > 0)
		g_key_file_set_integer(f, GROUP, "port", v->port);
	g_key_file_set_string(f, GROUP, "password", v->password);
	g_key_file_set_comment(f, GROUP, "password", until, NULL);
	g_key_file_set_integer(f, GROUP, "delete-this-file", 1);
	g_key_file_set_integer(f, GROUP, "fullscreen", 0);
	g_key_file_set_string(f, GROUP, "title", title);
	g_key_file_set_string(f, GROUP, "toggle-fullscreen", "shift+f11");
	g_key_file_set_string(f, GROUP, "release-cursor", "shift+f12");
	g_key_file_set_string(f, GROUP, "secure-attention", "ctrl+alt+end");
	g_key_file_set_string(f, GROUP, "versions", VERSIONS);
	if (v->authority) {
		g_autofree char *url = g_strdup_printf("https://%s/ovirt-engine/services/files/console", v->authority);

		g_key_file_set_string(f, GROUP, "newer-version-url", url);
	}
	if (v->is_spice)
		set_spice(f, v);
	if (v->ca && (!v->is_spice || v->tls_port > 0))
		g_key_file_set_string(f, GROUP, "ca", v->ca);
	set_manager(f, v);
	return g_key_file_to_data(f, NULL, NULL);
}
