/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream without HTTP: what changes are together, who hears what and when, where streams go on, why they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "manager/api/event_channel.h"
#include "manager/core/events.h"
#include "manager/core/sessions.h"
#include "manager/core/txn.h"
#include "tests/unit/core/world.h"

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; } /* the world ends with a power failure */

/* ---- changes ---- */

static bool sees_a(void *arg, enum kind k, const char *id) { return id[0] == 'a'; }

static void check_text(const struct changes *ch, bool is_filtered, uint64_t reader, const char *want)
{
	g_autofree char *text = changes_text(ch, is_filtered ? sees_a : NULL, NULL, reader);

	if (want)
		assert_string_equal(text, want);
	else
		assert_null(text);
}

static void test_changes(void **state)
{
	struct changes *ch = changes_new();
	struct seen_by *seen = g_malloc0(sizeof(*seen) + sizeof(uint64_t));

	assert_true(changes_is_empty(ch));
	check_text(ch, false, 0, NULL);
	changes_note(ch, KIND_VM, "a1", 'a', NULL);
	changes_note(ch, KIND_VM, "a1", 'u', NULL);
	changes_note(ch, KIND_DISK, "b1", 'u', NULL);
	changes_note(ch, KIND_DISK, "b1", 'u', NULL);
	check_text(ch, false, 0, "[[\"vm\",\"a1\",\"a\"],[\"disk\",\"b1\",\"u\"]]");
	check_text(ch, true, 0, "[[\"vm\",\"a1\",\"a\"]]");
	seen->n = 1;
	seen->readers[0] = 7;
	changes_note(ch, KIND_VM, "a1", 'r', seen);
	check_text(ch, true, 7, "[[\"vm\",\"a1\",\"r\"]]");
	check_text(ch, true, 8, NULL);
	changes_note(ch, KIND_VM, "a1", 'a', NULL);
	check_text(ch, true, 8, "[[\"vm\",\"a1\",\"u\"]]");
	changes_clear(ch);
	assert_true(changes_is_empty(ch) && !changes_has(ch, KIND_VM));
	for (int i = 0; i <= CHANGES_STAR; i++) {
		g_autofree char *id = g_strdup_printf("%c%d", i % 2 ? 'a' : 'b', i);
		changes_note(ch, KIND_JOB, id, 'u', NULL);
	}
	check_text(ch, false, 0, "[[\"job\",\"*\",\"u\"]]");
	assert_true(changes_has(ch, KIND_JOB));
	for (int i = 0; i < CHANGES_KEEP; i++) {
		g_autofree char *id = g_strdup_printf("b%d", 1000 + i);
		changes_note(ch, KIND_JOB, id, 'u', NULL);
	}
	check_text(ch, true, 0, "[[\"job\",\"*\",\"u\"]]");
	g_free(seen);
	changes_free(ch);
}

/* ---- a door that remembers ---- */

struct feed {
	GPtrArray *sent; /* texts */
};

struct ear {
	struct feed *feed;
	struct event_stream *stream;
	guint from;
	char *first;
	bool is_ended;
};

static struct world world;
static struct login admin, jane;
static GString *heard;

static void *feed_new(void)
{
	struct feed *f = g_new0(struct feed, 1);

	f->sent = g_ptr_array_new_with_free_func(g_free);
	return f;
}

static void feed_free(void *feed) {}

static void feed_send(void *feed, GBytes *text)
{
	g_ptr_array_add(((struct feed *)feed)->sent, g_strndup(g_bytes_get_data(text, NULL), g_bytes_get_size(text)));
	g_bytes_unref(text);
}

static void *invite(void *feed, void *exchange, struct event_stream *s)
{
	struct ear *ear = exchange;

	ear->feed = feed;
	ear->stream = s;
	ear->from = ear->feed->sent->len;
	return ear;
}

static void end(void *push) { ((struct ear *)push)->is_ended = true; }

static void release(void *push) {}

static const struct stream_door DOOR = { feed_new, feed_free, feed_send, invite, end, release };

static void started(struct world *w)
{
	struct err e;

	assert_int_equal(session_login(w->core, "admin@internal", "secret", &admin, &e), 0);
	assert_int_equal(session_login(w->core, "jane@internal", "secret", &jane, &e), 0);
	event_streams_start(w->core, &DOOR);
}

static void pass(int64_t ms)
{
	int64_t until = loop_now_ms(world.loop) + ms;

	while (loop_now_ms(world.loop) < until)
		loop_turn(world.loop, until - loop_now_ms(world.loop));
	while (loop_turn(world.loop, 0))
		;
}

static int setup(void **state)
{
	log_set_level(-1);
	world_open(&world, started);
	heard = g_string_new(NULL);
	pass(2000);
	return 0;
}

static int teardown(void **state)
{
	g_string_free(heard, TRUE);
	world_close(&world);
	return 0;
}

static int try_listen(struct ear *ear, const struct login *who, struct call_query query, struct err *e)
{
	static const struct stream_limits limits = { 6, 4 };
	struct call c = {
		.core = world.core, .pool = pool_new(), .who = who->who, .token = who->token, .query = query
	};
	GBytes *first, *more;
	int rc;

	*ear = (struct ear){ 0 };
	if (query.filter == 0)
		c.query.filter = -1;
	rc = event_stream_open(&c, &limits, e);
	pool_free(c.pool);
	if (rc < 0)
		return -1;
	event_stream_begin(c.stream, ear);
	event_stream_take(c.stream, &first, &more);
	ear->first = g_strdup_printf(
	    "%.*s%.*s", (int)g_bytes_get_size(first), (const char *)g_bytes_get_data(first, NULL),
	    more ? (int)g_bytes_get_size(more) : 0, more ? (const char *)g_bytes_get_data(more, NULL) : "");
	g_bytes_unref(first);
	if (more)
		g_bytes_unref(more);
	return 0;
}

static struct ear *listen_to(const struct login *who, const char *topics, const char *last)
{
	struct ear *ear = g_new0(struct ear, 1);
	struct err e = ERR_INIT;

	assert_int_equal(
	    try_listen(ear, who, (struct call_query){ .topics = topics, .last_event_id = last, .from = -1 }, &e), 0);
	return ear;
}

/* What it has heard since the last look. */
static const char *hear(struct ear *ear)
{
	g_string_truncate(heard, 0);
	for (; ear->from < ear->feed->sent->len; ear->from++)
		g_string_append(heard, ear->feed->sent->pdata[ear->from]);
	return heard->str;
}

static void say(const char *text) { event_emit(world.core, "USER_ADD_TAG", NULL, "%s", text); }

static char *last_id(void) { return g_strdup_printf("%" G_GINT64_FORMAT, world.core->event_streams->last_id); }

static bool has(const char *text, const char *what) { return strstr(text, what) != NULL; }

/* ---- tests ---- */

static void test_at_once_then_together(void **state)
{
	struct ear *ears[4];

	for (int i = 0; i < 4; i++)
		ears[i] = listen_to(&admin, NULL, NULL);
	assert_true(has(ears[0]->first, "event: hello\n") && has(ears[0]->first, "\nid: "));
	assert_ptr_equal(ears[0]->feed, ears[3]->feed); /* made once for all of them */
	say("one");
	pass(0);
	assert_true(has(hear(ears[0]), "\"description\":\"one\""));
	for (int i = 0; i < 5; i++) {
		say("next");
		pass(1);
	}
	assert_string_equal(hear(ears[1]) + strlen(heard->str) - 2, "\n\n");
	assert_false(has(heard->str, "next"));
	pass(STREAM_HOLD_MIN_MS);
	assert_int_equal(ears[1]->feed->sent->len - ears[1]->from, 1); /* one write for five events */
	assert_true(has(hear(ears[1]), "next"));
	pass(1000);
	say("after quiet");
	pass(0);
	assert_true(has(hear(ears[2]), "after quiet"));
}

static void test_resume(void **state)
{
	g_autofree char *begin = last_id(), *middle = NULL;
	struct ear *ear;

	say("first");
	pass(0);
	middle = last_id();
	say("second");
	pass(0);
	ear = listen_to(&admin, NULL, begin);
	assert_true(has(ear->first, "first") && has(ear->first, "second") && !has(ear->first, "reset"));
	ear = listen_to(&admin, NULL, middle);
	assert_true(!has(ear->first, "first") && has(ear->first, "second"));
	say("third");
	pass(100);
	assert_true(!has(hear(ear), "second") && has(heard->str, "third"));
	for (size_t i = 0; i < 4; i++) {
		static const char *const WRONG[] = { "99999", "x", "-1", "123456789012345678901" };

		ear = listen_to(&jane, NULL, WRONG[i]);
		assert_true(has(ear->first, "event: hello") && has(ear->first, "event: reset"));
		event_stream_closed(ear->stream);
		pass(0);
	}
}

static void test_too_much(void **state)
{
	g_autofree char *begin = last_id();
	struct ear *ear;

	for (int i = 0; i < STREAM_REPLAY_MAX; i++)
		say("many");
	pass(0);
	ear = listen_to(&admin, NULL, begin);
	assert_true(has(ear->first, "many") && !has(ear->first, "reset"));
	say("one more");
	pass(0);
	ear = listen_to(&admin, NULL, begin);
	assert_true(!has(ear->first, "many") && has(ear->first, "reset"));
}

static void touch(enum kind k, const char *id)
{
	struct txn *t = txn_begin(world.core);
	struct m_entity *en = m_entity(M_KINDS[k].type, txn_edit(t, k, id));

	en->comment = pool_strdup(txn_pool(t), "touched");
	txn_commit_async(t);
	pass(1000);
}

static void grant(const char *id, const char *role, const char *vm)
{
	struct txn *t = txn_begin(world.core);
	struct m_permission *p = txn_new(t, KIND_PERMISSION, id);

	p->role.id = (char *)role;
	p->user.id = (char *)WORLD_USER;
	p->vm.id = (char *)vm;
	if (!vm)
		M_SET(p, is_system, true);
	txn_commit_async(t);
	pass(1000);
}

static void take_away(enum kind k, const char *id)
{
	struct txn *t = txn_begin(world.core);

	txn_remove(t, k, id);
	txn_commit_async(t);
	pass(1000);
}

#define GRANT     "00000000-0000-0000-0000-0000000000d1"
#define USER_ROLE "00000000-0000-0000-0001-000000000001"

static void test_permissions(void **state)
{
	struct ear *all = listen_to(&admin, "events,changes", NULL), *ear = listen_to(&jane, "events,changes", NULL);

	touch(KIND_VM, WORLD_VM);
	assert_true(has(hear(all), "[\"vm\",\"" WORLD_VM "\",\"u\"]"));
	assert_string_equal(hear(ear), "");
	grant(GRANT, USER_ROLE, WORLD_VM);
	assert_true(has(hear(ear), "\"" WORLD_VM "\",\"u\"") && !has(heard->str, "reset"));
	touch(KIND_VM, WORLD_VM);
	assert_true(has(hear(ear), "\"" WORLD_VM "\",\"u\""));
	event_emit(world.core, "USER_ADD_TAG", &(struct event_refs){ .vm = WORLD_VM }, "started");
	event_emit(world.core, "USER_ADD_TAG", NULL, "not hers");
	pass(1000);
	assert_true(has(hear(ear), "started") && !has(heard->str, "not hers"));
	touch(KIND_HOST, WORLD_HOST);
	assert_string_equal(hear(ear), "");
	take_away(KIND_PERMISSION, GRANT);
	assert_true(has(hear(ear), "event: reset"));
	touch(KIND_VM, WORLD_VM);
	assert_string_equal(hear(ear), "");
	grant(GRANT, USER_ROLE, WORLD_VM);
	hear(ear);
	take_away(KIND_VM, WORLD_VM);
	assert_true(has(hear(ear), "[\"vm\",\"" WORLD_VM "\",\"r\"]"));
	assert_false(ear->is_ended);
	grant(GRANT, PERM_SUPER_USER_ROLE, NULL); /* she sees all now: as somebody else */
	assert_true(ear->is_ended && !all->is_ended);
}

static void test_sessions_and_limits(void **state)
{
	struct ear *hers[4], *his, none;
	struct err e = ERR_INIT;

	for (int i = 0; i < 4; i++)
		hers[i] = listen_to(&jane, NULL, NULL);
	assert_int_equal(try_listen(&none, &jane, (struct call_query){ .from = -1 }, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	his = listen_to(&admin, NULL, NULL);
	listen_to(&admin, "changes", NULL);
	assert_int_equal(try_listen(&none, &admin, (struct call_query){ .from = -1 }, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(event_streams_count(world.core), 6);
	session_logout(world.core, jane.token);
	pass(2 * STREAM_CHECK_MS);
	for (int i = 0; i < 4; i++) {
		assert_true(hers[i]->is_ended);
		event_stream_closed(hers[i]->stream);
	}
	pass(0);
	assert_int_equal(event_streams_count(world.core), 2);
	assert_false(his->is_ended);
	pass(31 * 60 * 1000); /* a stream does not keep its session alive */
	assert_true(his->is_ended);
}

static void test_input(void **state)
{
	struct err e = ERR_INIT;
	struct ear ear;

	assert_int_equal(try_listen(&ear, &admin, (struct call_query){ .topics = "weather", .from = -1 }, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(try_listen(&ear, &admin, (struct call_query){ .search = "nosuch = 1", .from = -1 }, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(event_streams_count(world.core), 0);
	assert_int_equal(try_listen(&ear, &admin, (struct call_query){ .search = "message = wanted*", .from = -1 }, &e),
	                 0);
	say("wanted one");
	say("other one");
	pass(1000);
	assert_true(has(hear(&ear), "wanted") && !has(heard->str, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test_setup_teardown(test_at_once_then_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions_and_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
