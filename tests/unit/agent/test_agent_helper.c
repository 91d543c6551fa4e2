/* SPDX-License-Identifier: Apache-2.0 */
/* The root helper: what it refuses, what it does with files, and that it ends with the agent. */
#include "agent_test.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/helper/check.h"
#include "agent/helper/ops.h"
#include "agent/helper/privileges.h"
#include "agent/helper/server.h"

/* --- texts --- */

static bool check_ok(enum helper_arg kind, const char *text)
{
	char padded[HELPER_TEXT] = { 0 };

	g_strlcpy(padded, text, sizeof(padded));
	return check_text(kind, padded);
}

static void test_texts(void **state)
{
	static const struct {
		enum helper_arg kind;
		const char *text;
		bool is_ok;
	} CASES[] = {
		{ ARG_NONE, "", true },
		{ ARG_NONE, "x", false },
		{ ARG_DEVICE, "ovirtmgmt", true },
		{ ARG_DEVICE, ";vdsmdummy;", true },
		{ ARG_DEVICE, "eth0.100", true },
		{ ARG_DEVICE, "", false },
		{ ARG_DEVICE, "sixteencharacter", false },
		{ ARG_DEVICE, "..", false },
		{ ARG_DEVICE, "a/b", false },
		{ ARG_DEVICE, "a b", false },
		{ ARG_DEVICE, "eth0\n", false },
		{ ARG_DEVICE, "-all", false },
		{ ARG_DEVICE, "\xc3\xa4", false },
		{ ARG_LEAF, "web-1", true },
		{ ARG_LEAF, "server:_data", true },
		{ ARG_LEAF, ".hidden", false },
		{ ARG_LEAF, "..", false },
		{ ARG_LEAF, "../../etc/shadow", false },
		{ ARG_LEAF, "a/b", false },
		{ ARG_EXPORT, "nfs.example:/exports/data", true },
		{ ARG_EXPORT, "[fe80::1]:/data", true },
		{ ARG_EXPORT, "nfs:/", true },
		{ ARG_EXPORT, "/etc", false },
		{ ARG_EXPORT, "nfs:data", false },
		{ ARG_EXPORT, ":/data", false },
		{ ARG_EXPORT, "nfs:/a/../b", false },
		{ ARG_EXPORT, "nfs:/..", false },
		{ ARG_EXPORT, "nfs:/a,vers=2", false },
		{ ARG_EXPORT, "n fs:/a", false },
		{ ARG_ADDRESS, "192.0.2.1", true },
		{ ARG_ADDRESS, "2001:db8::1", true },
		{ ARG_ADDRESS, "192.0.2.1,soft", false },
		{ ARG_ADDRESS, "host", false },
		{ ARG_OPTIONS, "", true },
		{ ARG_OPTIONS, "soft,timeo=100,retrans=3,vers=4.2", true },
		{ ARG_OPTIONS, "soft,", false },
		{ ARG_OPTIONS, ",soft", false },
		{ ARG_OPTIONS, "suid", false },
		{ ARG_OPTIONS, "timeo=", false },
		{ ARG_OPTIONS, "timeo=1x", false },
		{ ARG_OPTIONS, "addr=1.2.3.4", false },
		{ ARG_OPTIONS, "rsize=123456789012", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		if (check_ok(CASES[i].kind, CASES[i].text) != CASES[i].is_ok)
			fail_msg("kind %d, \"%s\"", (int)CASES[i].kind, CASES[i].text);
}

/* --- requests --- */

static struct helper_request request(enum helper_op_id op, const char *a, const char *b)
{
	struct helper_request r = { .magic = HELPER_MAGIC, .op = op };

	g_strlcpy(r.text[0], a, HELPER_TEXT);
	g_strlcpy(r.text[1], b, HELPER_TEXT);
	return r;
}

static void test_requests(void **state)
{
	struct helper_request r = request(HELPER_BRIDGE_JOIN, "br0", "eth1");

	assert_int_equal(helper_check(&r, sizeof(r)), 0);
	assert_int_equal(helper_check(&r, sizeof(r) - 1), EBADMSG);
	assert_int_equal(helper_check(&r, 0), EBADMSG);
	r.number[0] = 1; /* it has no numbers */
	assert_int_equal(helper_check(&r, sizeof(r)), ERANGE);
	r = request(HELPER_BRIDGE_DEL, "br0", "eth1"); /* one text too many */
	assert_int_equal(helper_check(&r, sizeof(r)), EINVAL);
	r = request(HELPER_BRIDGE_DEL, "br0", "");
	r.text[0][100] = 'x'; /* hidden behind the end */
	assert_int_equal(helper_check(&r, sizeof(r)), EINVAL);
	memset(r.text[0], 'a', HELPER_TEXT); /* no end */
	assert_int_equal(helper_check(&r, sizeof(r)), EINVAL);
	r = request(HELPER_N_OPS, "", "");
	assert_int_equal(helper_check(&r, sizeof(r)), ENOSYS);
	r = request(0, "", "");
	assert_int_equal(helper_check(&r, sizeof(r)), ENOSYS);
	r = request(HELPER_READ_SERIAL, "", "");
	r.magic = 0;
	assert_int_equal(helper_check(&r, sizeof(r)), ENOSYS);
	r = request(HELPER_KSM, "", "");
	r.number[0] = 2; /* take apart */
	assert_int_equal(helper_check(&r, sizeof(r)), 0);
	r.number[0] = 3;
	assert_int_equal(helper_check(&r, sizeof(r)), ERANGE);
}

/* --- files --- */

struct place {
	char *dir, *state, *root, *tls, *log;
	struct helper_config c;
};

static void put_file(const char *dir, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *sub_dir(const char *dir, const char *name)
{
	char *path = g_build_filename(dir, name, NULL);

	assert_int_equal(g_mkdir_with_parents(path, 0755), 0);
	return path;
}

static int set_up(void **state)
{
	struct place *p = g_new0(struct place, 1);
	g_autofree char *pki = NULL, *qemu = NULL, *mnt = NULL;

	p->dir = g_dir_make_tmp("helper-XXXXXX", NULL);
	p->state = sub_dir(p->dir, "state");
	p->root = sub_dir(p->dir, "root");
	p->tls = sub_dir(p->dir, "tls");
	p->log = sub_dir(p->dir, "log");
	pki = sub_dir(p->state, "pki");
	qemu = sub_dir(p->log, "qemu");
	mnt = sub_dir(p->root, "mnt");
	put_file(pki, "cacert.pem", "-----BEGIN CERTIFICATE-----\n");
	put_file(pki, "vdsmcert.pem", "-----BEGIN CERTIFICATE-----\n");
	put_file(pki, "vdsmkey.pem", "-----BEGIN PRIVATE KEY-----\n");
	put_file(qemu, "web.log", "line\n");
	put_file(p->dir, "secret.log", "no\n");
	put_file(p->dir, "run", "0\n");
	put_file(p->dir, "pages_to_scan", "0\n");
	p->c = (struct helper_config){ .state_dir = p->state,
		                       .storage_root = p->root,
		                       .tls_dir = p->tls,
		                       .log_dir = p->log,
		                       .ksm_dir = p->dir,
		                       .dmi_dir = p->dir,
		                       .uid = geteuid(),
		                       .gid = getegid() };
	*state = p;
	return 0;
}

static void remove_tree(const char *path)
{
	GDir *d = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_tree(below);
	}
	if (d)
		g_dir_close(d);
	g_remove(path);
}

static int tear_down(void **state)
{
	struct place *p = *state;

	remove_tree(p->dir);
	g_free(p->dir);
	g_free(p->state);
	g_free(p->root);
	g_free(p->tls);
	g_free(p->log);
	g_free(p);
	return 0;
}

static int run(struct place *p, struct helper_request r, int *fd)
{
	struct helper_answer a;

	helper_execute(&p->c, &r, sizeof(r), &a, fd);
	return a.errnum;
}

static struct helper_request log_request(const char *name)
{
	struct helper_request r = request(HELPER_OPEN_LOG, name, "");

	r.number[0] = HELPER_LOG_QEMU;
	return r;
}

static void link_in(const char *dir, const char *name, const char *target)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	assert_int_equal(symlink(target, path), 0);
}

static void test_logs(void **state)
{
	struct place *p = *state;
	g_autofree char *qemu = g_build_filename(p->log, "qemu", NULL),
	                *fifo = g_build_filename(qemu, "pipe.log", NULL);
	char buf[16];
	int fd;

	assert_int_equal(run(p, log_request("web"), &fd), 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 5);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	assert_int_equal(run(p, log_request("none"), &fd), ENOENT);
	assert_int_equal(run(p, log_request("../secret"), &fd), EINVAL);
	link_in(qemu, "link.log", "../../secret.log");
	assert_int_equal(run(p, log_request("link"), &fd), ELOOP);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(run(p, log_request("pipe"), &fd), EINVAL);
	assert_int_equal(fd, -1);
	remove_tree(qemu);
	link_in(p->log, "qemu", "..");
	assert_int_equal(run(p, log_request("secret"), &fd), ELOOP);
}

static void test_console_certificates(void **state)
{
	struct place *p = *state;
	g_autofree char *key = g_build_filename(p->tls, "libvirt-spice/server-key.pem", NULL);
	g_autofree char *pki = g_build_filename(p->state, "pki", NULL),
	                *ours = g_build_filename(pki, "vdsmkey.pem", NULL);
	const struct helper_request r = request(HELPER_INSTALL_TLS, "", "");
	struct stat st;
	int fd;

	if (geteuid() != 0)
		skip();
	assert_int_equal(run(p, r, &fd), 0);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* a link to what only root may read is not followed, nor a file with a second name taken */
	g_remove(ours);
	assert_int_equal(symlink("/etc/shadow", ours), 0);
	assert_int_equal(run(p, r, &fd), ELOOP);
	g_remove(ours);
	assert_int_equal(link(key, ours), 0);
	assert_int_equal(run(p, r, &fd), EINVAL);
	g_remove(ours);
	put_file(pki, "vdsmkey.pem", "root:x:0:0\n");
	assert_int_equal(run(p, r, &fd), EINVAL);
	remove_tree(pki);
	link_in(p->state, "pki", p->tls);
	assert_int_equal(run(p, r, &fd), ELOOP);
}

static void test_mounts_stay_below(void **state)
{
	struct place *p = *state;
	g_autofree char *mnt = g_build_filename(p->root, "mnt", NULL);
	struct helper_request r = request(HELPER_MOUNT_NFS, "link", "server:/data");
	int fd;

	g_strlcpy(r.text[2], "192.0.2.1", HELPER_TEXT);
	link_in(mnt, "link", "/");
	assert_int_equal(run(p, r, &fd), ELOOP);
	g_strlcpy(r.text[3], "dev,suid", HELPER_TEXT);
	assert_int_equal(run(p, r, &fd), EINVAL);
	r = request(HELPER_UMOUNT, "link", "");
	assert_int_not_equal(run(p, r, &fd), 0);
	r = request(HELPER_UMOUNT, "..", "");
	assert_int_equal(run(p, r, &fd), EINVAL);
	remove_tree(mnt);
	link_in(p->root, "mnt", "/");
	r = request(HELPER_UMOUNT, "proc", "");
	assert_int_equal(run(p, r, &fd), ELOOP);
}

static void test_ksm(void **state)
{
	struct place *p = *state;
	struct helper_request r = request(HELPER_KSM, "", "");
	g_autofree char *path = g_build_filename(p->dir, "run", NULL), *text = NULL;
	int fd;

	r.number[0] = 1;
	r.number[1] = 64;
	assert_int_equal(run(p, r, &fd), 0);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_int_equal(text[0], '1');
}

/* What root left is given away, except what may lead elsewhere. */
static void test_gifts(void **state)
{
	struct place *p = *state;
	g_autofree char *twice = g_build_filename(p->state, "twice", NULL),
	                *secret = g_build_filename(p->dir, "secret.log", NULL);
	g_autofree char *key = g_build_filename(p->state, "pki/vdsmkey.pem", NULL);
	struct err e = ERR_INIT;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(link(secret, twice), 0);
	link_in(p->state, "link", secret);
	assert_int_equal(privileges_give(p->state, 3, 36, 36, &e), 0);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_uid, 36);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

static void test_users(void **state)
{
	char number[16];
	struct err e = ERR_INIT;
	uid_t uid;
	gid_t gid;

	assert_int_equal(privileges_parse("nobody:107", &uid, &gid, &e), 0);
	assert_int_equal(gid, 107);
	assert_int_equal(privileges_parse("nobody", &uid, &gid, &e), 0);
	g_snprintf(number, sizeof(number), "%u", uid);
	assert_int_equal(privileges_parse(number, &uid, &gid, &e), 0);
	assert_int_not_equal(gid, 107);
	assert_int_equal(privileges_parse("root", &uid, &gid, &e), -1);
	assert_int_equal(privileges_parse("0:0", &uid, &gid, &e), -1);
	assert_int_equal(privileges_parse("nobody:0", &uid, &gid, &e), -1);
	assert_int_equal(privileges_parse("999999", &uid, &gid, &e), -1);
	assert_int_equal(privileges_parse("", &uid, &gid, &e), -1);
	assert_int_equal(privileges_parse("nobody:no such group", &uid, &gid, &e), -1);
}

/* --- the process --- */

static int talk(int sock, const void *data, size_t n, struct helper_answer *a)
{
	if (send(sock, data, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -1;
	return recv(sock, a, sizeof(*a), 0) == (ssize_t)sizeof(*a) ? a->errnum : -1;
}

static void test_garbage_and_end(void **state)
{
	struct place *p = *state;
	struct helper_request r = request(HELPER_BRIDGE_DEL, "no/such", "");
	unsigned char junk[2 * sizeof(r)];
	struct helper_answer a;
	int pair[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0)
		helper_serve(pair[1], &p->c);
	close(pair[1]);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)(i * 37);
	for (size_t n = 1; n <= sizeof(junk); n = n * 2 + 1)
		assert_int_equal(talk(pair[0], junk, n, &a), EBADMSG);
	assert_int_equal(talk(pair[0], junk, sizeof(r), &a), ENOSYS);
	assert_int_equal(talk(pair[0], &r, sizeof(r), &a), EINVAL);
	r = request(HELPER_READ_SERIAL, "", "");
	assert_int_equal(talk(pair[0], &r, sizeof(r), &a), ENOENT);
	close(pair[0]); /* the agent is gone: so is the helper */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_users),
		cmocka_unit_test_setup_teardown(test_logs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_certificates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mounts_stay_below, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ksm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gifts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage_and_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
