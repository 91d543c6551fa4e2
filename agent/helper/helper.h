/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The agent's hand that may do what only root can: a small process with a fixed list of operations, forked before the
 * agent gives up its privileges. It ends with the agent, and the agent with it. Without one (an agent that runs as one
 * user) the same operations are done in the process itself, with the same checks. Calls block; from any thread.
 */
#include "agent/helper/protocol.h"
#include "base/err.h"

/* Where operations work; texts are borrowed for good. Before anything else. */
void helper_configure(const struct helper_config *c);
/* Fork the helper. As root, before threads are started. */
int helper_start(struct err *e);
/* A descriptor that becomes readable when the helper has ended; -1 without one. */
int helper_watch_fd(void);
bool helper_is_separate(void);

/* mtu 0: the kernel's. A bridge that exists gets these settings. */
int helper_bridge_add(const char *name, bool has_stp, int mtu, struct err *e);
int helper_bridge_del(const char *name, struct err *e);
int helper_bridge_join(const char *bridge, const char *port, struct err *e);
/* Share equal pages between guests? run 0: no more, 1: yes, 2: take apart what is shared. pages and sleep_ms 0, merge (across
 * NUMA nodes) -1: as they are. */
int helper_set_ksm(int run, int pages, int sleep_ms, int merge, struct err *e);
/* Serial number of the machine into out; -1 without. */
int helper_read_serial(char out[HELPER_TEXT]);
/* A log of libvirt's for reading; name without ".log". -1 with e. */
int helper_open_log(enum helper_log kind, const char *name, struct err *e);
/* Put the agent's certificate where libvirt takes that of consoles from. */
int helper_install_tls(struct err *e);
/* Mount server:/export at ROOT/mnt/name; address is the server's. */
int helper_mount_nfs(const char *name, const char *source, const char *address, const char *options, bool is_read_only,
                     struct err *e);
int helper_umount(const char *name, bool is_lazy, struct err *e);
