/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_FILTER 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_FILTER 0 /* sanitizers make calls of their own */
#endif
#endif
#ifndef HAS_FILTER
#define HAS_FILTER 1
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* Bridges; files of the agent, of libvirt and of consoles; their owner; mounts. */
#define NEEDED ((1u << CAP_NET_ADMIN) | (1u << CAP_DAC_OVERRIDE) | (1u << CAP_CHOWN) | (1u << CAP_SYS_ADMIN))

static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { NEEDED, NEEDED, 0 }, { 0, 0, 0 } };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap > 31 || !(NEEDED & 1u << cap))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, data) < 0)
		return err_errno(e, errno, "give up capabilities");
	return 0;
}

/* Everything else fails with EPERM; above all there is no execve, fork, ptrace, setuid, module, namespace. */
static const int ALLOWED[] = {
	SYS_read,    SYS_write,      SYS_close,    SYS_openat,   SYS_openat2,        SYS_fstat,      SYS_newfstatat,
	SYS_lseek,   SYS_mmap,       SYS_munmap,   SYS_mremap,   SYS_madvise,        SYS_brk,        SYS_rt_sigreturn,
	SYS_recvmsg, SYS_sendmsg,    SYS_recvfrom, SYS_sendto,   SYS_socket,         SYS_setsockopt, SYS_ioctl,
	SYS_mount,   SYS_umount2,    SYS_mkdirat,  SYS_unlinkat, SYS_renameat,       SYS_renameat2,  SYS_fchown,
	SYS_fchmod,  SYS_fsync,      SYS_fchdir,   SYS_chdir,    SYS_futex,          SYS_getrandom,  SYS_clock_gettime,
	SYS_exit,    SYS_exit_group, SYS_getpid,   SYS_fcntl,    SYS_rt_sigprocmask,
};

enum { N_ALLOWED = sizeof(ALLOWED) / sizeof(*ALLOWED), MOST = 2 * N_ALLOWED + 8 };

static struct sock_filter load(size_t offset)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static struct sock_filter answer(uint32_t what) { return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what); }

static int filter_calls(struct err *e)
{
	struct sock_filter code[MOST];
	struct sock_fprog program = { .filter = code };
	unsigned short n = 0;

	if (!HAS_FILTER || !ARCH)
		return 0;
	code[n++] = load(offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	code[n++] = answer(SECCOMP_RET_KILL_PROCESS);
	code[n++] = load(offsetof(struct seccomp_data, nr));
	for (int i = 0; i < N_ALLOWED; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ALLOWED[i], 0, 1);
		code[n++] = answer(SECCOMP_RET_ALLOW);
	}
	code[n++] = answer(SECCOMP_RET_ERRNO | EPERM);
	program.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 && errno != EINVAL)
		return err_errno(e, errno, "limit system calls");
	return 0; /* EINVAL: a kernel without seccomp */
}

int sandbox_enter(struct err *e) { return drop_capabilities(e) < 0 ? -1 : filter_calls(e); }
