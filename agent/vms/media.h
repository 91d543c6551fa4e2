/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Small media made on the fly: what cloud-init, Windows' setup and other first starts read. The files come in the domain's
 * metadata, in <ovirt-vm:payload> of a CD or floppy drive. Pure but for the making of a CD, which runs xorriso.
 */
#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"

enum {
	MEDIA_MAX = 8,        /* per machine */
	MEDIA_MAX_FILES = 64, /* per medium */
	MEDIA_MAX_BYTES = 2 << 20,
	FLOPPY_BYTES = 2880 * 512,
};

struct media_file {
	const char *path; /* relative, without "..", checked */
	const void *data;
	size_t size;
};

struct media {
	const char *drive; /* target of the drive: "sdc" */
	const char *label; /* volume id, or NULL */
	bool is_floppy;    /* set by who knows the drive */
	struct media_file *files;
	int n_files;
};

/* The payload of an <ovirt-vm:device>, NULL in *out when it has none. Refuses what is too large and paths that climb. */
int media_read(struct pool *p, xmlNodePtr device, struct media **out, struct err *e);
/* A 1.44 MB image with FAT12; files in the top folder only. */
int media_floppy(const struct media *m, GByteArray *out, struct err *e);
/* An ISO 9660 image with Joliet and Rock Ridge at path, by way of a folder beside it. Blocks: on a worker. */
int media_cd(struct pool *p, const struct media *m, const char *path, struct err *e);
