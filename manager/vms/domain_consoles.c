/* SPDX-License-Identifier: Apache-2.0 */
/* Screens and what belongs to them: graphics, video, input, sound, serial consoles, channels, USB for clients. */
#include <string.h>

#include "manager/core/tables.h"
#include "manager/vms/domain_int.h"

enum { VIDEO_KIB = 16384, QXL_RAM_FACTOR = 4, QXL_VRAM_KIB = 8192, REDIRECTED_DEVICES = 4 };

#define NOBODY_PASSWORD "*****" /* nobody, until there is a ticket */
#define LONG_AGO        "1970-01-01T00:00:01"
#define SERIAL_FOLDER   "/var/run/ovirt-vmconsole-console/"

bool domain_has_spice(const struct domain_spec *s)
{
	enum m_graphics_type list[2];
	size_t n = domain_graphics(s->vm, list);

	for (size_t i = 0; i < n; i++)
		if (list[i] == M_GRAPHICS_TYPE_SPICE)
			return true;
	return false;
}

/* ---- without a screen ---- */

static void add_serial(xmlNodePtr devices, const struct domain_spec *s)
{
	bool is_shared = s->vm->console && M_GET(s->vm->console, enabled, false);
	const char *const sort[] = { "serial", "console" };

	for (int i = 0; i < 2; i++) {
		xmlNodePtr n = dx_set(dx_add(devices, sort[i], NULL), "type", is_shared ? "unix" : "pty");

		if (is_shared)
			dx_set(dx_setf(dx_add(n, "source", NULL), "path", SERIAL_FOLDER "%s.sock", s->vm->id), "mode",
			       "bind");
		n = dx_set(dx_add(n, "target", NULL), "type", i == 0 ? "isa-serial" : "serial");
		dx_set(n, "port", "0");
	}
}

static void add_channels(xmlNodePtr devices, const struct domain_spec *s)
{
	xmlNodePtr n = dx_set(dx_add(devices, "channel", NULL), "type", "unix");

	dx_set(dx_set(dx_add(n, "target", NULL), "type", "virtio"), "name", "org.qemu.guest_agent.0");
	if (!domain_has_spice(s))
		return;
	n = dx_set(dx_add(devices, "channel", NULL), "type", "spicevmc");
	dx_set(dx_set(dx_add(n, "target", NULL), "type", "virtio"), "name", "com.redhat.spice.0");
}

/* ---- graphics ---- */

static void add_listen(xmlNodePtr graphics, const struct domain_spec *s)
{
	xmlNodePtr n;

	if (!s->display_network)
		return;
	n = dx_set(dx_add(graphics, "listen", NULL), "type", "network");
	dx_setf(n, "network", "vdsm-%s", s->display_network);
}

static void add_vnc(xmlNodePtr devices, const struct domain_spec *s)
{
	const char *layout = s->vm->display ? s->vm->display->keyboard_layout : NULL;
	xmlNodePtr n = dx_set(dx_add(devices, "graphics", NULL), "type", "vnc");

	dx_set(dx_set(n, "port", "-1"), "autoport", "yes");
	dx_set(dx_set(n, "passwd", NOBODY_PASSWORD), "passwdValidTo", LONG_AGO);
	dx_set(n, "keymap", layout && *layout ? layout : NULL);
	add_listen(n, s);
}

static void add_spice(xmlNodePtr devices, const struct domain_spec *s)
{
	static const char *const CHANNELS[] = { "main",   "inputs",  "cursor",    "playback",
		                                "record", "display", "smartcard", "usbredir" };
	const struct m_display *d = s->vm->display;
	xmlNodePtr n = dx_set(dx_add(devices, "graphics", NULL), "type", "spice");

	dx_set(dx_set(n, "port", "-1"), "autoport", "yes");
	dx_set(dx_set(n, "passwd", NOBODY_PASSWORD), "passwdValidTo", LONG_AGO);
	if (!s->has_plain_spice)
		dx_set(n, "tlsPort", "-1");
	add_listen(n, s);
	for (size_t i = 0; !s->has_plain_spice && i < G_N_ELEMENTS(CHANNELS); i++)
		dx_set(dx_set(dx_add(n, "channel", NULL), "name", CHANNELS[i]), "mode", "secure");
	if (d && !M_GET(d, copy_paste_enabled, true))
		dx_set(dx_add(n, "clipboard", NULL), "copypaste", "no");
	if (d && !M_GET(d, file_transfer_enabled, true))
		dx_set(dx_add(n, "filetransfer", NULL), "enable", "no");
}

/* ---- video ---- */

static enum m_video_type video_of(const struct domain_spec *s)
{
	const struct m_display *d = s->vm->display;

	if (d && d->video_type)
		return d->video_type;
	return domain_has_spice(s) ? M_VIDEO_TYPE_QXL : M_VIDEO_TYPE_VGA;
}

static void add_video(xmlNodePtr devices, const struct domain_spec *s)
{
	const struct m_display *d = s->vm->display;
	int64_t monitors = d ? MAX(M_GET(d, monitors, 1), 1) : 1, cards = 1;
	enum m_video_type type = video_of(s);
	bool is_qxl = type == M_VIDEO_TYPE_QXL;

	if (!is_qxl)
		monitors = 1;
	if (is_qxl && monitors > 1 && !M_GET(d, single_qxl_pci, !domain_is_windows(s->vm)))
		cards = monitors, monitors = 1;
	for (int64_t i = 0; i < cards; i++) {
		xmlNodePtr n = dx_add(dx_add(devices, "video", NULL), "model", NULL);

		dx_set(n, "type", m_enum_name(&M_ENUM_video_type, (int)type));
		if (is_qxl)
			dx_setf(n, "ram", "%" G_GINT64_FORMAT, VIDEO_KIB * QXL_RAM_FACTOR * monitors);
		dx_setf(n, "vram", "%d", is_qxl ? QXL_VRAM_KIB : VIDEO_KIB);
		if (is_qxl)
			dx_setf(n, "vgamem", "%" G_GINT64_FORMAT, VIDEO_KIB * monitors);
		dx_setf(n, "heads", "%" G_GINT64_FORMAT, monitors);
	}
}

/* ---- sound, smart cards, USB ---- */

static void add_sound(xmlNodePtr devices, struct pool *p, const struct domain_spec *s)
{
	const char *type = s->vm->os && s->vm->os->type ? s->vm->os->type : "other", *model = NULL;
	int level = domain_level(s->vm, s->cluster);

	if (!M_GET(s->vm, soundcard_enabled, false))
		return;
	for (const struct os_type *o = OS_TYPES; o->key; o++)
		if (strcmp(o->key, type) == 0)
			model = domain_os_choice(p, o->audio[level - 2], domain_is_q35(s));
	dx_set(dx_add(devices, "sound", NULL), "model", model ? model : domain_is_q35(s) ? "ich9" : "ich6");
}

static void add_client_devices(xmlNodePtr devices, const struct domain_spec *s)
{
	const struct m_display *d = s->vm->display;

	if (d && M_GET(d, smartcard_enabled, false)) {
		xmlNodePtr n = dx_set(dx_add(devices, "smartcard", NULL), "mode", "passthrough");
		dx_set(n, "type", "spicevmc");
	}
	if (!s->vm->usb || !M_GET(s->vm->usb, enabled, false))
		return;
	for (int i = 0; i < REDIRECTED_DEVICES; i++)
		dx_set(dx_set(dx_add(devices, "redirdev", NULL), "bus", "usb"), "type", "spicevmc");
}

void domain_add_consoles(xmlNodePtr devices, struct pool *p, const struct domain_spec *s)
{
	enum m_graphics_type list[2];
	size_t n = domain_graphics(s->vm, list);

	add_serial(devices, s);
	add_channels(devices, s);
	add_sound(devices, p, s);
	if (n == 0) /* headless */
		return;
	dx_set(dx_set(dx_add(devices, "input", NULL), "type", "tablet"), "bus", "usb");
	for (size_t i = 0; i < n; i++)
		(list[i] == M_GRAPHICS_TYPE_SPICE ? add_spice : add_vnc)(devices, s);
	add_video(devices, s);
	if (domain_has_spice(s))
		add_client_devices(devices, s);
}
