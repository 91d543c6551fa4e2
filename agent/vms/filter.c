/* SPDX-License-Identifier: Apache-2.0 */
/* "vdsm-no-mac-spoofing": a guest sends with the MAC address that its card has, and with no other. */
#include "agent/vms/filter.h"

#include <libvirt/libvirt.h>
#include <stddef.h>

#include "agent/vms/virt.h"
#include "base/log.h"

static const char NAME[] = "vdsm-no-mac-spoofing";
/* Complete by itself: libvirt's own filters are a package that may not be there. */
static const char FILTER[] = "<filter name='vdsm-no-mac-spoofing' chain='root'>"
                             "<rule action='drop' direction='out' priority='500'>"
                             "<mac match='no' srcmacaddr='$MAC'/></rule>"
                             "<rule action='drop' direction='out' priority='500'>"
                             "<arp match='no' arpsrcmacaddr='$MAC'/></rule></filter>";

static int define_work(virConnectPtr conn, void *arg, struct err *e)
{
	virNWFilterPtr filter = virNWFilterLookupByName(conn, NAME);

	if (!filter)
		filter = virNWFilterDefineXML(conn, FILTER);
	if (!filter)
		return virt_err(e, "define network filter");
	virNWFilterFree(filter);
	return 0;
}

void filter_define(struct agent *a)
{
	struct err e = ERR_INIT;

	if (virt_run(a, VIRT_OPS, define_work, NULL, &e) < 0)
		log_warn("cards with a network filter cannot be used", "FILTER", NAME, "ERROR", e.detail);
}
