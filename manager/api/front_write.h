/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Answers as documents: what the wire format says about status codes, faults and headers. On an edge thread. */
#include "manager/api/call.h"
#include "manager/http/http.h"

void front_write_call(struct http_exchange *x, struct call *c, bool is_json);
void front_write_fault(struct http_exchange *x, const struct err *e, bool is_json);
