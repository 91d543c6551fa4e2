/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/ops.h"

#include <errno.h>
#include <string.h>

#include "agent/helper/check.h"

struct range {
	int64_t min, max;
};

struct op {
	enum helper_arg texts[HELPER_TEXTS];
	struct range numbers[HELPER_NUMBERS];
	int (*run)(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd);
};

static int bridge_add(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return net_bridge_add(r->text[0], r->number[0] == 1, (int)r->number[1]);
}

static int bridge_del(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return net_bridge_del(r->text[0]);
}

static int bridge_join(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return net_bridge_join(r->text[0], r->text[1]);
}

static int set_ksm(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return files_set_ksm(c, r->number[0], r->number[1], r->number[2], r->number[3] - 1);
}

static int read_serial(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return files_read_serial(c, a->text);
}

static int open_log(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	*fd = files_open_log(c, (enum helper_log)r->number[0], r->text[0]);
	return *fd < 0 ? errno : 0;
}

static int install_tls(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return files_install_tls(c);
}

static int mount_nfs(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return files_mount_nfs(c, r->text[0], r->text[1], r->text[2], r->text[3], r->number[0] == 1);
}

static int do_umount(const struct helper_config *c, const struct helper_request *r, struct helper_answer *a, int *fd)
{
	return files_umount(c, r->text[0], r->number[0] == 1);
}

/* All that there is. A number that is not named must be 0, a text empty. */
static const struct op OPS[HELPER_N_OPS] = {
	[HELPER_BRIDGE_ADD] = { { ARG_DEVICE }, { { 0, 1 }, { 0, 65535 } }, bridge_add },
	[HELPER_BRIDGE_DEL] = { { ARG_DEVICE }, { { 0, 0 } }, bridge_del },
	[HELPER_BRIDGE_JOIN] = { { ARG_DEVICE, ARG_DEVICE }, { { 0, 0 } }, bridge_join },
	[HELPER_KSM] = { { ARG_NONE }, { { 0, 2 }, { 0, 100000 }, { 0, 60000 }, { 0, 2 } }, set_ksm },
	[HELPER_READ_SERIAL] = { { ARG_NONE }, { { 0, 0 } }, read_serial },
	[HELPER_OPEN_LOG] = { { ARG_LEAF }, { { HELPER_LOG_LIBVIRT, HELPER_LOG_QEMU } }, open_log },
	[HELPER_INSTALL_TLS] = { { ARG_NONE }, { { 0, 0 } }, install_tls },
	[HELPER_MOUNT_NFS] = { { ARG_LEAF, ARG_EXPORT, ARG_ADDRESS, ARG_OPTIONS }, { { 0, 1 } }, mount_nfs },
	[HELPER_UMOUNT] = { { ARG_LEAF }, { { 0, 1 } }, do_umount },
};

static int check(const struct helper_request *r)
{
	const struct op *op = r->op < HELPER_N_OPS ? &OPS[r->op] : NULL;

	if (r->magic != HELPER_MAGIC || !op || !op->run)
		return ENOSYS;
	for (int i = 0; i < HELPER_TEXTS; i++)
		if (!check_text(op->texts[i], r->text[i]))
			return EINVAL;
	for (int i = 0; i < HELPER_NUMBERS; i++)
		if (r->number[i] < op->numbers[i].min || r->number[i] > op->numbers[i].max)
			return ERANGE;
	return 0;
}

int helper_check(const void *request, size_t n)
{
	struct helper_request r;

	if (n != sizeof(r))
		return EBADMSG;
	memcpy(&r, request, sizeof(r));
	return check(&r);
}

void helper_execute(const struct helper_config *c, const void *request, size_t n, struct helper_answer *a, int *fd)
{
	struct helper_request r = { 0 };

	*fd = -1;
	*a = (struct helper_answer){ .magic = HELPER_MAGIC, .errnum = helper_check(request, n) };
	if (a->errnum)
		return;
	memcpy(&r, request, sizeof(r));
	a->errnum = OPS[r.op].run(c, &r, a, fd);
}
