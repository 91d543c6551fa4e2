/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What pages beside the API share: who asks, and answers in JSON. In the page's fiber. */
#include <jansson.h>

#include "manager/api/front.h"
#include "manager/core/sessions.h"

enum { PAGE_TOKEN_MAX = 128 };

/*
 * Who asks, from the Authorization header (Bearer or Basic): may wait. token (PAGE_TOKEN_MAX bytes, may be NULL) gets the bearer's token, ""
 * with Basic. ERR_AUTH when nobody is named or the name is not his.
 */
int page_login(struct page_call *pc, struct identity *who, char *token, struct err *e);
/* body is taken. */
void page_reply_json(struct page_call *pc, int status, json_t *body);
/* {"reason": ..., "detail": ...} with the status that the API gives for this error; or with a status of one's own. */
void page_refuse(struct page_call *pc, const struct err *e);
void page_refuse_status(struct page_call *pc, int status, const char *detail);
