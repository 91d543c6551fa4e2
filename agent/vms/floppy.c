/* SPDX-License-Identifier: Apache-2.0 */
/* A floppy disk of 1.44 MB with FAT12, as every firmware and guest reads it. */
#include <string.h>

#include "agent/vms/media.h"

enum {
	SECTOR = 512,
	N_SECTORS = 2880,
	FAT_SECTORS = 9,
	ROOT_ENTRIES = 224,
	ROOT_AT = (1 + 2 * FAT_SECTORS) * SECTOR,
	DATA_AT = ROOT_AT + ROOT_ENTRIES * 32,
	N_CLUSTERS = N_SECTORS - DATA_AT / SECTOR,
	DATE = (46 << 9) | (1 << 5) | 1, /* 2026-01-01; media made twice are the same */
};

struct floppy {
	guint8 *image;
	unsigned next_cluster; /* free from here */
	int n_entries;
};

static void put16(guint8 *at, unsigned v)
{
	at[0] = v & 255;
	at[1] = v >> 8 & 255;
}

static void put32(guint8 *at, guint32 v)
{
	put16(at, v & 0xffff);
	put16(at + 2, v >> 16);
}

static void set_fat(struct floppy *f, unsigned cluster, unsigned value)
{
	for (int copy = 0; copy < 2; copy++) {
		guint8 *at = f->image + (1 + copy * FAT_SECTORS) * SECTOR + cluster * 3 / 2;

		if (cluster & 1) {
			at[0] = (at[0] & 0x0f) | (value << 4 & 0xf0);
			at[1] = value >> 4 & 0xff;
		} else {
			at[0] = value & 0xff;
			at[1] = (at[1] & 0xf0) | (value >> 8 & 0x0f);
		}
	}
}

static void format(struct floppy *f, const char *label)
{
	static const guint8 START[] = { 0xeb, 0x3c, 0x90, 'M', 'S', 'D', 'O', 'S', '5', '.', '0' };
	guint8 *b = f->image;

	memcpy(b, START, sizeof(START));
	put16(b + 11, SECTOR);
	b[13] = 1; /* sectors per cluster */
	put16(b + 14, 1);
	b[16] = 2;
	put16(b + 17, ROOT_ENTRIES);
	put16(b + 19, N_SECTORS);
	b[21] = 0xf0;
	put16(b + 22, FAT_SECTORS);
	put16(b + 24, 18);
	put16(b + 26, 2);
	b[38] = 0x29;
	put32(b + 39, 0x20260101);
	memset(b + 43, ' ', 11);
	for (size_t i = 0; label && label[i] && i < 11; i++)
		b[43 + i] = (guint8)g_ascii_toupper(label[i]);
	if (!label)
		memcpy(b + 43, "NO NAME", 7);
	memcpy(b + 54, "FAT12   ", 8);
	b[510] = 0x55;
	b[511] = 0xaa;
	set_fat(f, 0, 0xff0);
	set_fat(f, 1, 0xfff);
	f->next_cluster = 2;
}

static guint8 *new_entry(struct floppy *f)
{
	return f->n_entries < ROOT_ENTRIES ? f->image + ROOT_AT + f->n_entries++ * 32 : NULL;
}

/* The label is also an entry of the root folder. */
static void put_label(struct floppy *f)
{
	guint8 *entry = new_entry(f);

	memcpy(entry, f->image + 43, 11);
	entry[11] = 0x08;
	put16(entry + 24, DATE);
}

static bool is_dos_char(char c) { return g_ascii_isupper(c) || g_ascii_isdigit(c) || (c && strchr("_-$~!#", c)); }

/* Name as DOS knows it. True when it says all of the real one. */
static bool dos_name(const char *name, int number, guint8 out[11])
{
	const char *dot = strrchr(name, '.');
	const size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	bool is_exact = stem <= 8 && (!dot || strlen(dot + 1) <= 3);
	size_t n = 0;

	memset(out, ' ', 11);
	for (size_t i = 0; i < stem && n < 8; i++) {
		const char up = g_ascii_toupper(name[i]);

		is_exact = is_exact && is_dos_char(name[i]);
		if (is_dos_char(up))
			out[n++] = (guint8)up;
	}
	for (size_t i = 0; dot && dot != name && dot[1 + i] && i < 3; i++) {
		const char up = g_ascii_toupper(dot[1 + i]);

		is_exact = is_exact && is_dos_char(dot[1 + i]);
		out[8 + i] = (guint8)(is_dos_char(up) ? up : '_');
	}
	if (is_exact && n > 0)
		return true;
	n = MIN(n, 5);
	out[n] = '~';
	out[n + 1] = (guint8)('0' + number / 10 % 10);
	out[n + 2] = (guint8)('0' + number % 10);
	return false;
}

static guint8 checksum(const guint8 name[11])
{
	guint8 sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (guint8)(((sum & 1) << 7) + (sum >> 1) + name[i]);
	return sum;
}

/* The real name, in pieces of 13 characters, the last piece first. */
static int put_long_name(struct floppy *f, const char *name, guint8 sum)
{
	static const guint8 PLACES[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	glong n = 0;
	g_autofree gunichar2 *text = g_utf8_to_utf16(name, -1, NULL, &n, NULL);
	const int pieces = (int)(n + 12) / 13;

	for (int piece = pieces; text && piece > 0; piece--) {
		guint8 *e = new_entry(f);

		if (!e)
			return -1;
		e[0] = (guint8)(piece | (piece == pieces ? 0x40 : 0));
		e[11] = 0x0f;
		e[13] = sum;
		for (int i = 0; i < 13; i++) {
			const glong at = (piece - 1) * 13 + i;

			put16(e + PLACES[i], at < n ? text[at] : at == n ? 0 : 0xffff);
		}
	}
	return text ? 0 : -1;
}

static int put_file(struct floppy *f, const struct media_file *file, int number, struct err *e)
{
	const unsigned n = (unsigned)((file->size + SECTOR - 1) / SECTOR), first = f->next_cluster;
	guint8 name[11], *entry;

	if (strchr(file->path, '/'))
		return err_set(e, ERR_UNSUPPORTED, "a floppy of a payload has no folders: %s", file->path);
	if (!dos_name(file->path, number, name) && put_long_name(f, file->path, checksum(name)) < 0)
		return err_set(e, ERR_TOO_LARGE, "the payload has too many files for a floppy");
	entry = new_entry(f);
	if (!entry || first + n > N_CLUSTERS + 2)
		return err_set(e, ERR_TOO_LARGE, "the payload does not fit on a floppy");
	memcpy(entry, name, 11);
	entry[11] = 0x20;
	put16(entry + 16, DATE);
	put16(entry + 18, DATE);
	put16(entry + 24, DATE);
	put16(entry + 26, n ? first : 0);
	put32(entry + 28, (guint32)file->size);
	for (unsigned i = 0; i < n; i++)
		set_fat(f, first + i, i + 1 == n ? 0xfff : first + i + 1);
	memcpy(f->image + DATA_AT + (size_t)(first - 2) * SECTOR, file->data, file->size);
	f->next_cluster += n;
	return 0;
}

int media_floppy(const struct media *m, GByteArray *out, struct err *e)
{
	struct floppy f = { .next_cluster = 0 };

	g_byte_array_set_size(out, FLOPPY_BYTES);
	memset(out->data, 0, FLOPPY_BYTES);
	f.image = out->data;
	format(&f, m->label);
	if (m->label)
		put_label(&f);
	for (int i = 0; i < m->n_files; i++)
		if (put_file(&f, &m->files[i], i + 1, e) < 0)
			return -1;
	return 0;
}
