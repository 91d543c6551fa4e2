/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

enum { MAX_ID = 1 << 30 };

/* --- who --- */

static bool is_number(const char *text, unsigned *out)
{
	guint64 v;

	if (!g_ascii_string_to_unsigned(text, 10, 1, MAX_ID, &v, NULL))
		return false;
	*out = (unsigned)v;
	return true;
}

int privileges_parse(const char *text, uid_t *uid, gid_t *gid, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	const char *user = parts[0] ? parts[0] : "", *group = parts[0] ? parts[1] : NULL;
	const struct passwd *pw = NULL;
	const struct group *gr;

	if (is_number(user, uid))
		pw = getpwuid(*uid);
	else
		pw = getpwnam(user);
	if (!pw || pw->pw_uid == 0)
		return err_set(e, ERR_INVALID,
		               "there is no user %.80s, or it is root (libvirt needs to know its name): create it, or "
		               "say --user ''",
		               user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (!group)
		return 0;
	if (group && is_number(group, gid))
		return 0;
	gr = group ? getgrnam(group) : NULL;
	if (!gr || gr->gr_gid == 0)
		return err_set(e, ERR_INVALID, "there is no group %.80s, or it is root's", group ? group : "given");
	*gid = gr->gr_gid;
	return 0;
}

/* --- folders --- */

struct gift {
	uid_t uid;
	gid_t gid;
	dev_t dev;
};

static void give_below(int dir, int depth, const struct gift *g);

static void give_entry(int dir, const char *name, int depth, const struct gift *g)
{
	auto_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != g->dev)
		return;
	if (!S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode) && !(S_ISREG(st.st_mode) && st.st_nlink == 1))
		return;
	if (st.st_uid == 0 && fchownat(fd, "", g->uid, g->gid, AT_EMPTY_PATH) < 0)
		return;
	if (S_ISDIR(st.st_mode) && depth > 0) {
		auto_close int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (sub >= 0)
			give_below(sub, depth - 1, g);
	}
}

static void give_below(int dir, int depth, const struct gift *g)
{
	const int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			give_entry(dir, entry->d_name, depth, g);
	if (d)
		closedir(d);
}

int privileges_give(const char *path, int depth, uid_t uid, gid_t gid, struct err *e)
{
	struct gift g = { .uid = uid, .gid = gid };
	auto_close int dir = -1;
	struct stat st;

	if (g_mkdir_with_parents(path, 0755) < 0)
		return err_errno(e, errno, "make %s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || (st.st_uid == 0 && fchown(dir, uid, gid) < 0))
		return err_errno(e, errno, "give %s to user %u", path, uid);
	g.dev = st.st_dev;
	if (depth > 0)
		give_below(dir, depth - 1, &g);
	return 0;
}

/* --- the drop --- */

static int set_groups(gid_t gid, struct err *e)
{
	static const char *const NAMES[] = { "kvm", "libvirt", "qemu", "sanlock", "systemd-journal" };
	gid_t groups[G_N_ELEMENTS(NAMES) + 1] = { gid };
	size_t n = 1;

	for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
		const struct group *gr = getgrnam(NAMES[i]);

		if (gr && gr->gr_gid != 0)
			groups[n++] = gr->gr_gid;
	}
	return setgroups(n, groups) < 0 ? err_errno(e, errno, "set groups") : 0;
}

int privileges_drop(uid_t uid, gid_t gid, const char *home, struct err *e)
{
	int death = 0;

	prctl(PR_GET_PDEATHSIG, &death); /* cleared by the change */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (set_groups(gid, e) < 0)
		return -1;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_errno(e, errno, "become user %u", uid);
	if (setuid(0) == 0 || seteuid(0) == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, ERR_INTERNAL, "privileges cannot be given up");
	prctl(PR_SET_PDEATHSIG, death);
	g_setenv("HOME", home, TRUE);
	for (const char *const *name = (const char *const[]){ "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	                                                      "XDG_DATA_HOME", "USER", "LOGNAME", NULL };
	     *name; name++)
		g_unsetenv(*name);
	return 0;
}
