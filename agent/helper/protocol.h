/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the agent asks of its root helper: one datagram of fixed size each way, so that there is nothing to parse. Texts
 * are padded with zeros. Whatever is not in the table of operations (ops.c) cannot be asked for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { HELPER_TEXT = 1024, HELPER_TEXTS = 4, HELPER_NUMBERS = 4 };

#define HELPER_MAGIC 0x686f7374u

enum helper_op_id {
	HELPER_BRIDGE_ADD = 1, /* bridge; stp, mtu */
	HELPER_BRIDGE_DEL,     /* bridge */
	HELPER_BRIDGE_JOIN,    /* bridge, port */
	HELPER_KSM,            /* run, pages a round, ms between rounds, 1 + merge_across_nodes */
	HELPER_READ_SERIAL,    /* -> text */
	HELPER_OPEN_LOG,       /* kind (enum helper_log), name -> descriptor, read only */
	HELPER_INSTALL_TLS,    /* the agent's certificate for consoles */
	HELPER_MOUNT_NFS,      /* name below ROOT/mnt, server:/export, address, options; read only? */
	HELPER_UMOUNT,         /* name below ROOT/mnt; lazily? */
	HELPER_N_OPS
};

enum helper_log { HELPER_LOG_LIBVIRT, HELPER_LOG_QEMU };

struct helper_request {
	uint32_t magic, op;
	int64_t number[HELPER_NUMBERS];
	char text[HELPER_TEXTS][HELPER_TEXT];
};

struct helper_answer {
	uint32_t magic;
	int32_t errnum; /* 0: done */
	char text[HELPER_TEXT];
};

/* Told once, at the start; requests cannot change it. */
struct helper_config {
	const char *state_dir, *storage_root;
	const char *tls_dir; /* where libvirt looks for consoles' certificates, or NULL: nowhere */
	const char *log_dir; /* /var/log/libvirt */
	const char *ksm_dir; /* /sys/kernel/mm/ksm */
	const char *dmi_dir; /* /sys/class/dmi/id */
	uid_t uid;           /* the agent's */
	gid_t gid;
};
