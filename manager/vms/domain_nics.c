/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards. */
#include <string.h>

#include "manager/vms/domain_int.h"

/* Limits of QoS are in megabits and megabytes, those of libvirt in kilobytes a second and kibibytes. */
enum { KILOBYTES_OF_MEGABIT = 125, KIB_OF_MIB = 1024 };

static const char *nic_model(enum m_nic_interface i)
{
	switch (i) {
	case M_NIC_INTERFACE_E1000: return "e1000";
	case M_NIC_INTERFACE_E1000E: return "e1000e";
	case M_NIC_INTERFACE_RTL8139:
	case M_NIC_INTERFACE_RTL8139_VIRTIO: return "rtl8139";
	default: return "virtio";
	}
}

static void add_way(xmlNodePtr band, const char *name, int64_t average, int64_t peak, int64_t burst)
{
	xmlNodePtr n;

	if (average <= 0)
		return;
	n = dx_setf(dx_add(band, name, NULL), "average", "%" G_GINT64_FORMAT, average * KILOBYTES_OF_MEGABIT);
	if (peak > 0)
		dx_setf(n, "peak", "%" G_GINT64_FORMAT, peak * KILOBYTES_OF_MEGABIT);
	if (burst > 0)
		dx_setf(n, "burst", "%" G_GINT64_FORMAT, burst * KIB_OF_MIB);
}

static void add_bandwidth(xmlNodePtr nic, const struct m_qos *q)
{
	xmlNodePtr band;

	if (!q || (M_GET(q, inbound_average, 0) <= 0 && M_GET(q, outbound_average, 0) <= 0))
		return;
	band = dx_add(nic, "bandwidth", NULL);
	add_way(band, "inbound", M_GET(q, inbound_average, 0), M_GET(q, inbound_peak, 0), M_GET(q, inbound_burst, 0));
	add_way(band, "outbound", M_GET(q, outbound_average, 0), M_GET(q, outbound_peak, 0),
	        M_GET(q, outbound_burst, 0));
}

static void add_filter(xmlNodePtr nic, const struct domain_nic_spec *s)
{
	xmlNodePtr f;

	if (!s->filter)
		return;
	f = dx_set(dx_add(nic, "filterref", NULL), "filter", s->filter);
	for (uint32_t i = 0; i < s->nic->filter_parameters.n; i++) {
		const struct m_network_filter_parameter *fp = s->nic->filter_parameters.v[i];
		dx_set(dx_set(dx_add(f, "parameter", NULL), "name", fp->name), "value", fp->value);
	}
}

xmlNodePtr domain_add_nic(xmlNodePtr devices, const struct domain_nic_spec *s, int boot_order)
{
	xmlNodePtr n = dx_set(dx_add(devices, "interface", NULL), "type", "bridge");
	bool is_up = M_GET(s->nic, linked, true) && s->bridge;

	dx_set(dx_add(n, "mac", NULL), "address", s->nic->mac ? s->nic->mac->address : NULL);
	dx_set(dx_add(n, "source", NULL), "bridge", s->bridge ? s->bridge : DOMAIN_NO_NETWORK);
	dx_set(dx_add(n, "model", NULL), "type", nic_model(s->nic->interface));
	if (s->queues > 1 && s->nic->interface == M_NIC_INTERFACE_VIRTIO)
		dx_setf(dx_set(dx_add(n, "driver", NULL), "name", "vhost"), "queues", "%d", s->queues);
	add_filter(n, s);
	dx_set(dx_add(n, "link", NULL), "state", is_up ? "up" : "down");
	if (s->mtu > 0)
		dx_setf(dx_add(n, "mtu", NULL), "size", "%" G_GINT64_FORMAT, s->mtu);
	add_bandwidth(n, s->qos);
	dx_boot(n, boot_order);
	dx_alias(n, s->nic->id);
	return n;
}
