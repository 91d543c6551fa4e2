/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From root to the agent's own user. */
#include <sys/types.h>

#include "base/err.h"

/* "36:36", "vdsm:kvm", "vdsm" (with that user's group). */
int privileges_parse(const char *text, uid_t *uid, gid_t *gid, struct err *e);
/*
 * Give a folder (made when absent) to the user, with what root has left in it: files with one name and folders, down to
 * `depth` levels of the same file system. Others' files and what may lead elsewhere stay as they are.
 */
int privileges_give(const char *dir, int depth, uid_t uid, gid_t gid, struct err *e);
/*
 * Become the user for good, in all that counts: groups (with those of libvirt, KVM and the journal), capabilities, no way
 * back by set-uid programs. home is where libraries look for the user's settings. Before threads are started.
 */
int privileges_drop(uid_t uid, gid_t gid, const char *home, struct err *e);
