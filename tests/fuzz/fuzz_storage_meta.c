/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies on storage is anybody's: domain metadata, volume metadata, task files. What could be read
 * must come out the same after it was written and read again.
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/task_file.h"
#include "agent/storage/vol_meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void try_volume(const char *data, size_t size)
{
	struct vol_meta m, again;
	struct err e = ERR_INIT;
	char block[VOL_META_SIZE];

	if (vol_meta_parse(data, size, &m, &e) < 0 || vol_meta_format(&m, block, &e) < 0)
		return;
	must(vol_meta_parse(block, sizeof(block), &again, &e) == 0);
	must(again.capacity == m.capacity && again.generation == m.generation && again.format == m.format);
	must(strcmp(again.description, m.description) == 0 && strcmp(again.parent, m.parent) == 0);
}

/* The lines as they come, and once more with the seal that they need, so that it is no wall. */
static void try_domain(const char *data, size_t size)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
	GString *sealed = g_string_new_len(data, (gssize)size);
	struct err e = ERR_INIT;
	json_t *meta;

	json_decref(sd_meta_parse(data, size, &e));
	for (size_t i = 0; i < size; i++)
		if (data[i] != '\n')
			g_checksum_update(sum, (const guchar *)data + i, 1);
	g_string_append_printf(sealed, "\n_SHA_CKSUM=%s\n", g_checksum_get_string(sum));
	meta = sd_meta_parse(sealed->str, sealed->len, &e);
	if (meta) {
		size_t len;
		char *text = sd_meta_format(meta, &len, &e);

		if (text) {
			json_t *again = sd_meta_parse(text, len, &e);

			must(again && json_equal(again, meta));
			json_decref(again);
		}
		g_free(text);
		sd_meta_check(meta, "6d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac001", &e);
		sd_meta_in_pool(meta, "6d36d0d6-7a3e-4d2c-9a52-0f6a0e4ac001");
	}
	json_decref(meta);
	g_string_free(sealed, TRUE);
	g_checksum_free(sum);
}

static void try_task(const char *data, size_t size)
{
	struct err e = ERR_INIT;
	json_t *values = task_file_parse(data, size, &e);

	if (values)
		g_free(task_file_format(values));
	json_decref(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 3) {
	case 0: try_volume((const char *)data + 1, size - 1); break;
	case 1: try_domain((const char *)data + 1, size - 1); break;
	default: try_task((const char *)data + 1, size - 1); break;
	}
	return 0;
}
