/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for machines: health, certificates, the description of the API. */
#include <string.h>

#include "manager/api/front.h"
#include "manager/hosts/pki.h"
#include "manager/system/pages.h"
#include "model/openapi.h"

static void reply_text(struct page_call *pc, int status, const char *type, const char *text)
{
	pc->status = status;
	pc->content_type = type;
	pc->body = g_string_new(text);
}

static void health(struct page_call *pc)
{
	if (pc->core->is_read_only)
		reply_text(pc, 500, "text/html",
		           pc->core->journal_error.code == ERR_NO_SPACE
		               ? "DB Down! The journal cannot be written: its disk is full."
		               : "DB Down! The journal cannot be written.");
	else
		reply_text(pc, 200, "text/html", "DB Up!Welcome to Health Status!");
}

static void pki_resource(struct page_call *pc)
{
	const char *resource = page_param(pc, "resource"), *format = page_param(pc, "format");
	const struct pki *pki = pc->core->pki;
	g_autofree char *text = NULL;
	bool is_ca =
	    !resource || strcmp(resource, "ca-certificate") == 0 || strcmp(resource, "qemu-ca-certificate") == 0;
	bool is_engine = resource && strcmp(resource, "engine-certificate") == 0;

	if (!format)
		format = is_ca ? "X509-PEM-CA" : "X509-PEM";
	if (!pki || (!is_ca && !is_engine)) {
		reply_text(pc, 400, "text/plain",
		           "resource must be ca-certificate, qemu-ca-certificate or engine-certificate\n");
	} else if (strcmp(format, "OPENSSH-PUBKEY") == 0 && is_engine) {
		text = pki_server_ssh_key(pki);
		reply_text(pc, text ? 200 : 500, "text/plain", text ? text : "");
	} else if (strcmp(format, "X509-PEM-CA") == 0 || strcmp(format, "X509-PEM") == 0) {
		if (is_engine)
			g_file_get_contents(pki_file(pki, "server.pem"), &text, NULL, NULL);
		reply_text(pc, 200,
		           strcmp(format, "X509-PEM-CA") == 0 ? "application/x-x509-ca-cert"
		                                              : "application/x-x509-cert",
		           is_engine ? (text ? text : "") : pki_ca_pem(pki));
	} else {
		reply_text(pc, 400, "text/plain",
		           "format must be X509-PEM, X509-PEM-CA or, for engine-certificate, OPENSSH-PUBKEY\n");
	}
}

static void openapi(struct page_call *pc)
{
	pc->content_type = "application/json";
	pc->body = g_string_new_len(M_OPENAPI, (gssize)M_OPENAPI_LEN);
}

/* Where files for Remote Viewer send those whose program is too old. */
static void console_clients(struct page_call *pc)
{
	reply_text(
	    pc, 200, "text/html; charset=utf-8",
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Console clients</title></head>"
	    "<body><h1>Console clients</h1>\n"
	    "<p>Files of the type <code>.vv</code> open a virtual machine's screen in Remote Viewer, which is part of "
	    "the package <code>virt-viewer</code>, version 7.0 or newer.</p>\n<ul>\n"
	    "<li>Red Hat Enterprise Linux, Fedora, CentOS Stream: <code>dnf install virt-viewer</code></li>\n"
	    "<li>Debian, Ubuntu: <code>apt install virt-viewer</code></li>\n"
	    "<li>Windows: the installer from <a href=\"https://virt-manager.org/download\">"
	    "virt-manager.org/download</a></li>\n</ul>\n"
	    "<p>The serial console needs no program but <code>hostler vms console NAME</code>.</p></body></html>\n");
}

const struct page SERVICE_PAGES[] = {
	{ "/ovirt-engine/services/health", "GET", health },
	{ "/ovirt-engine/services/pki-resource", "GET", pki_resource },
	{ "/ovirt-engine/services/files/console", "GET", console_clients },
	{ "/ovirt-engine/api/openapi.json", "GET", openapi },
	{ .path = NULL },
};
