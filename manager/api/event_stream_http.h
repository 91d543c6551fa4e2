/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The event stream over HTTP: server-sent events. */
#include "manager/api/event_stream.h"
#include "manager/http/http.h"

extern const struct stream_door EVENT_STREAM_HTTP;

/* On the edge's thread, after event_stream_begin(): the answer. */
void event_stream_reply(struct http_exchange *x, struct event_stream *s);
