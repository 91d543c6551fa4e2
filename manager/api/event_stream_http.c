/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/event_stream_http.h"

#include "manager/http/push.h"

enum { HEARTBEAT_S = 15, MAX_LAG = 1024 * 1024 };

static void closed(void *arg) { event_stream_closed(arg); }

static void *feed_new(void)
{
	static const struct http_feed_config cfg = {
		.content_type = "text/event-stream",
		.heartbeat = ":\n\n",
		.excuse = "event: reset\ndata: {}\n\n",
		.heartbeat_s = HEARTBEAT_S,
		.max_lag = MAX_LAG,
		.closed = closed,
	};

	return http_feed_new(&cfg);
}

static void feed_free(void *feed) { http_feed_unref(feed); }

static void feed_send(void *feed, GBytes *text) { http_feed_send(feed, text); }

static void *invite(void *feed, void *exchange, struct event_stream *s) { return http_feed_invite(feed, exchange, s); }

static void end(void *push) { http_push_end(push); }

static void release(void *push) { http_push_unref(push); }

const struct stream_door EVENT_STREAM_HTTP = { feed_new, feed_free, feed_send, invite, end, release };

void event_stream_reply(struct http_exchange *x, struct event_stream *s)
{
	struct http_push *push = event_stream_push(s);
	GBytes *first, *more;

	event_stream_take(s, &first, &more);
	http_set_header(x, "Cache-Control", "no-store");
	http_set_header(x, "X-Accel-Buffering", "no");
	http_push_accept(push, x, first, more);
}
