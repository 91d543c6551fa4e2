/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, pools, UUIDs, log. */
#include "test_util.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/uuid.h"

static void errors_carry_code_field_and_sentence(void **state)
{
	struct err e = ERR_INIT;

	assert_int_equal(err_field(&e, ERR_RANGE, "vm.memory", "%d is too much", 9), -1);
	assert_string_equal(e.field, "vm.memory");
	assert_int_equal(err_wrap(&e, "create vm %s", "web1"), -1);
	assert_int_equal(e.code, ERR_RANGE);
	assert_string_equal(e.detail, "create vm web1: 9 is too much");
	err_errno(&e, ENOSPC, "write %s", "x");
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_string_equal(e.detail, "write x: No space left on device");
	assert_string_equal(e.field, "");
	err_agent(&e, 1100, "%s", e.detail);
	assert_int_equal(e.agent_code, 1100);
	assert_string_equal(e.detail, "write x: No space left on device");
	for (int i = 0; i < N_ERR_CODE; i++)
		assert_string_not_equal(err_code_name(i), "unknown");
	assert_string_equal(err_code_name(12345), "unknown");
	assert_string_equal(err_code_name(ERR_CONFLICT), "conflict");
}

static void long_errors_are_cut_between_letters(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct err e = ERR_INIT;

	for (int i = 0; i < 1000; i++)
		g_string_append(text, "é€");
	for (int i = 0; i < 8; i++) {
		err_set(&e, ERR_INVALID, "%.*s%s", i, "aaaaaaaa", text->str);
		assert_true(g_utf8_validate(e.detail, -1, NULL));
		assert_true(strlen(e.detail) > 590);
		err_wrap(&e, "more");
		assert_true(g_utf8_validate(e.detail, -1, NULL));
	}
	err_set(&e, ERR_INVALID, "bad \xff bytes");
	assert_true(g_utf8_validate(e.detail, -1, NULL));
}

static void append(void *arg) { g_string_append_c(((GString **)arg)[0], 'x'); }

static void pools_give_zeroed_memory(void **state)
{
	struct pool *p = pool_new();
	g_autoptr(GString) freed = g_string_new(NULL);
	size_t total = 0;

	for (size_t size = 0; size < 40000; size = size * 5 / 4 + 1) {
		char *m = pool_alloc(p, size);

		assert_int_equal((uintptr_t)m % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(m[i], 0);
		memset(m, 0xff, size);
		total += size;
	}
	assert_true(pool_size(p) >= total);
	assert_string_equal(pool_printf(p, "%s-%d", "a", 5), "a-5");
	assert_string_equal(pool_strndup(p, "hello", 2), "he");
	assert_null(pool_strdup(p, NULL));
	pool_on_free(p, append, &freed);
	pool_on_free(p, append, &freed);
	pool_free(p);
	assert_int_equal(freed->len, 2);
	pool_free(NULL);
}

static void uuids(void **state)
{
	struct chance *real = chance_new_real(), *a = chance_new_seeded(5), *b = chance_new_seeded(5);
	uuid_text x, y;

	uuid_make(real, x);
	assert_true(uuid_is_valid(x));
	assert_int_equal(x[14], '4');
	assert_non_null(strchr("89ab", x[19]));
	uuid_make(real, y);
	assert_string_not_equal(x, y);
	uuid_make(a, x);
	uuid_make(b, y);
	assert_string_equal(x, y);
	for (int i = 0; i < 10000; i++)
		assert_true(chance_below(i % 2 ? a : real, 7) < 7);
	assert_int_equal(chance_below(a, 0), 0);
	assert_int_equal(chance_below(a, 1), 0);
	chance_free(real);
	chance_free(a);
	chance_free(b);

	/* The example of RFC 9562: DNS name space, www.example.com. */
	uuid_derive("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", x);
	assert_string_equal(x, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	uuid_derive("vm", "disk", x);
	uuid_derive("vmd", "isk", y);
	assert_string_not_equal(x, y);
}

static void uuid_forms(void **state)
{
	assert_true(uuid_is_valid(UUID_NIL));
	assert_true(uuid_is_valid("2ED6657D-e927-568b-95e1-2665a8aea6a2"));
	assert_false(uuid_is_valid(""));
	assert_false(uuid_is_valid(NULL));
	assert_false(uuid_is_valid("2ed6657d-e927-568b-95e1-2665a8aea6a"));
	assert_false(uuid_is_valid("2ed6657d-e927-568b-95e1-2665a8aea6a22"));
	assert_false(uuid_is_valid("2ed6657d-e927-568b-95e1-2665a8aea6g2"));
	assert_false(uuid_is_valid("2ed6657de-927-568b-95e1-2665a8aea6a2"));
}

static void log_lines(void **state)
{
	char buf[1024] = "";
	const char *none = NULL;
	int pipe_fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	log_set_level(LOG_LEVEL_WARN);
	log_info("not shown");
	log_warn("two\nlines", "VM", "a b\"c\n", "NONE", none, "HOST", "h1");
	dup2(saved, STDERR_FILENO);
	n = read(pipe_fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	assert_null(strstr(buf, "not shown"));
	assert_non_null(strstr(buf, "two\\nlines VM=\"a b\\\"c\\n\" HOST=h1\n"));
	assert_int_equal(log_level_from_name("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_from_name("loud"), -1);
	close(saved);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_code_field_and_sentence),
		cmocka_unit_test(long_errors_are_cut_between_letters),
		cmocka_unit_test(pools_give_zeroed_memory),
		cmocka_unit_test(uuids),
		cmocka_unit_test(uuid_forms),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
