/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `follow=nics,disk_attachments.disk`: replace links of an answer by what they lead to. */
#include "manager/api/call.h"

/* Applies c->query.follow to the answer of c. ERR_INVALID for a word that is no link of the type. */
int follow_apply(struct call *c, struct err *e);
