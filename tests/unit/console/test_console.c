/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets, who is at the screen, and passwords as hosts are told them. */
#include <string.h>

#include "manager/console/console.h"
#include "manager/vms/vm_int.h"
#include "tests/unit/vms/vms_rig.h"

#define VM1 "22222222-0000-4000-8000-000000000001"

static struct console_grant grant(enum console_protocol p)
{
	struct console_grant g = { .vm_id = VM1, .protocol = p };

	g_strlcpy(g.who.user_name, "admin@internal", sizeof(g.who.user_name));
	return g;
}

static int use(const char *ticket)
{
	struct console_grant out;
	struct err e = ERR_INIT;

	return console_ticket_use(rig->core, ticket, &out, &e);
}

static void test_tickets(void **state)
{
	struct pool *p = pool_new();
	struct console_grant vnc = grant(CONSOLE_VNC), spice = grant(CONSOLE_SPICE);
	const char *a = console_ticket_new(rig->core, p, &vnc), *b = console_ticket_new(rig->core, p, &vnc);
	const char *c = console_ticket_new(rig->core, p, &spice);

	assert_int_equal(strlen(a), 40);
	assert_string_not_equal(a, b);
	assert_int_equal(use(a), 0);
	assert_int_equal(use(a), -1); /* once */
	assert_int_equal(use(""), -1);
	assert_int_equal(use(NULL), -1);
	for (int i = 0; i < 16; i++)
		assert_int_equal(use(c), 0);
	assert_int_equal(use(c), -1);
	rig_pass(CONSOLE_TICKET_S * 1000 + 1);
	assert_int_equal(use(b), -1);   /* out of date */
	for (int i = 0; i < 20000; i++) /* not without end: the oldest go */
		a = console_ticket_new(rig->core, p, &vnc);
	assert_int_equal(use(a), 0);
	pool_free(p);
}

static void test_who_is_at_the_screen(void **state)
{
	const char *vm = rig_vm("screen");
	struct identity who = { .user_name = "mary@internal" };

	assert_null(console_user(rig->core, vm));
	g_strlcpy(who.user_id, VM1, sizeof(who.user_id));
	console_user_set(rig->core, vm, &who);
	console_client_is(rig->core, vm, "192.0.2.1");
	rig_pass(100);
	assert_true(rig_told("VM_CONSOLE_CONNECTED"));
	assert_false(rig_told("VM_CONSOLE_DISCONNECTED"));
	assert_string_equal(console_user(rig->core, vm)->user_name, "mary@internal");
	console_client_is(rig->core, vm, "");
	rig_pass(100);
	assert_true(rig_told("VM_CONSOLE_DISCONNECTED"));
	assert_string_equal(console_client(rig->core, vm), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tickets, rig_open, rig_close),
		cmocka_unit_test_setup_teardown(test_who_is_at_the_screen, rig_open, rig_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
