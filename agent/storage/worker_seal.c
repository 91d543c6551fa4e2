/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: cleaning the disks of a guest of what belongs to one machine (host keys, logs, machine id), by virt-sysprep. */
#include <glib.h>
#include <string.h>

#include "agent/storage/fs.h"
#include "agent/storage/storage_codes.h"
#include "agent/storage/worker.h"
#include "base/auto.h"
#include "base/proc.h"

#define SEAL_LIMIT_MS (30 * 60 * 1000)
#define MAX_IMAGES    24

static int add_image(struct worker_ctx *w, GPtrArray *argv, const json_t *one, struct err *e)
{
	auto_wvol v = WVOL_INIT;

	if (wvol_open(&v, one, e) < 0)
		return -1;
	if (v.meta.legality != VOL_LEGAL || v.meta.role != VOL_LEAF)
		return err_agent(e, SC_VOL_NOT_LEAF, "Volume %s is no legal leaf and cannot be sealed", v.vol);
	g_ptr_array_add(argv, "--format");
	g_ptr_array_add(argv, v.meta.format == VOL_COW ? "qcow2" : "raw");
	g_ptr_array_add(argv, "-a");
	g_ptr_array_add(
	    argv, pool_printf(w->pool, "%s/%s/images/%s/%s", warg_str_or(one, "mount", ""), v.d.sd, v.img, v.vol));
	return 0;
}

json_t *worker_volume_seal(struct worker_ctx *w, const json_t *args, struct err *e)
{
	g_autofree char *program = g_find_program_in_path("virt-sysprep");
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	json_t *images = json_object_get(args, "images"), *one;
	struct proc_result result;
	size_t i;

	if (!program) {
		err_agent(e, SC_SEAL, "The disks cannot be sealed: virt-sysprep is not installed on this host");
		return NULL;
	}
	if (!json_array_size(images) || json_array_size(images) > MAX_IMAGES) {
		err_agent(e, SC_INVALID_PARAM, "Invalid parameter: 1 to %d images can be sealed", MAX_IMAGES);
		return NULL;
	}
	g_ptr_array_add(argv, program);
	json_array_foreach (images, i, one)
		if (add_image(w, argv, one, e) < 0)
			return NULL;
	g_ptr_array_add(argv, NULL);
	if (fs_step("virt-sysprep", e) < 0)
		return NULL;
	if (proc_run(w->pool,
	             &(struct proc_spec){ .argv = (const char *const *)argv->pdata, .timeout_ms = SEAL_LIMIT_MS },
	             &result, e) < 0) {
		struct err cause = *e;

		err_agent(e, SC_SEAL, "The disks cannot be sealed: %.400s", cause.detail);
		return NULL;
	}
	return json_object();
}
