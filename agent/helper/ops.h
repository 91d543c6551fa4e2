/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The operations of the root helper. */
#include "agent/helper/protocol.h"

/* Check a request of n bytes and do it. The answer is always filled in; *fd is a descriptor to go with it, or -1. */
void helper_execute(const struct helper_config *c, const void *request, size_t n, struct helper_answer *a, int *fd);

/* The same checks without doing anything: what fuzzing and unit tests see. 0 or an errno. */
int helper_check(const void *request, size_t n);

/* --- net.c: 0 or an errno --- */
int net_bridge_add(const char *name, bool has_stp, int mtu);
int net_bridge_del(const char *name);
int net_bridge_join(const char *bridge, const char *port);

/* --- files.c: 0 or an errno --- */
int files_set_ksm(const struct helper_config *c, int64_t run, int64_t pages, int64_t sleep_ms, int64_t merge);
int files_read_serial(const struct helper_config *c, char out[HELPER_TEXT]);
/* A regular file DIR/name, for reading; no link is followed on the way. -1 with errno. */
int files_open_log(const struct helper_config *c, enum helper_log kind, const char *name);
int files_install_tls(const struct helper_config *c);
int files_mount_nfs(const struct helper_config *c, const char *name, const char *source, const char *address,
                    const char *options, bool is_read_only);
int files_umount(const struct helper_config *c, const char *name, bool is_lazy);
