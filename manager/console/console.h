/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Consoles that pass through the Manager: tickets for them, who has one open, and who is at the screen of a VM. On the core
 * thread. What is known here is not journaled: after a restart clients connect again.
 */
#include "manager/core/core.h"
#include "manager/core/sessions.h"

enum console_protocol { CONSOLE_VNC, CONSOLE_SPICE, CONSOLE_SERIAL, N_CONSOLE };

enum { CONSOLE_TICKET_S = 120 };

/* What a ticket allows. */
struct console_grant {
	uuid_text vm_id;
	enum console_protocol protocol;
	struct identity who;
	char token[65]; /* the login that it came from; "": none, each request named the password */
};

/* "vnc" */
const char *console_protocol_name(enum console_protocol p);
/* A ticket, in the pool: letters, digits, '-' and '_'. */
const char *console_ticket_new(struct core *c, struct pool *p, const struct console_grant *g);
/* Once for VNC and serial consoles, for as many channels as SPICE has otherwise. ERR_AUTH: it is none, or not any more. */
int console_ticket_use(struct core *c, const char *ticket, struct console_grant *out, struct err *e);
void consoles_free(struct core *c);

/* ---- who is at the screen ---- */

/* A ticket (password) was given to somebody. */
void console_user_set(struct core *c, const char *vm_id, const struct identity *who);
/* The last one who got a ticket, as long as the VM runs; NULL: nobody. */
const struct identity *console_user(struct core *c, const char *vm_id);
/* What the host says of the client that is connected to the screen: its address, "" for none. Tells by events. */
void console_client_is(struct core *c, const char *vm_id, const char *address);
/* Address of that client, "" for none. */
const char *console_client(struct core *c, const char *vm_id);

/* ---- open ones ---- */

struct relay;
/* Keep watch over it: it ends with the VM's stay on its host, the login or the permit. Takes a reference. */
void console_opened(struct core *c, const struct console_grant *g, struct relay *r);
void console_closed(struct core *c, struct relay *r);
/* Hang up on all who are connected through the Manager. Returns how many. */
unsigned console_kick(struct core *c, const char *vm_id, enum console_protocol p, const char *reason);
unsigned consoles_open(struct core *c);

/* What is done with a relay; set by who makes them, since the edge is not everywhere. */
struct console_ops {
	void (*stop)(struct relay *r, int code, const char *reason);
	void (*unref)(struct relay *r);
};
void console_set_ops(struct core *c, const struct console_ops *ops);
