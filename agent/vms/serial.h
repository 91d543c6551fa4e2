/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Serial consoles: a stream of bytes over the agent's port, on a connection that begins with
 *
 *   GET /serial/VMID?force=1&history=1 HTTP/1.1
 *   Connection: Upgrade
 *   Upgrade: hostler-serial
 *
 * and is answered with 101 (from there on it is the console), 404, or 409 when somebody else has it. One client at a time;
 * force takes it over. The last 64 KiB that the guest said are kept and told first.
 *
 * A console that is a socket is listened to from the start of the machine on. A terminal (pty) is only opened while somebody
 * has it, since others may want to read it (virsh console).
 */
#include <stdbool.h>
#include <stddef.h>

struct agent;
struct rpc_stream;
struct vm;

/* The machine runs, and its definition was read. */
void serial_follow(struct vm *vm);
/* It ended. */
void serial_free(struct vm *vm);
/* A connection that began as HTTP; it is ours. */
void serial_serve(struct agent *a, struct rpc_stream *stream, const char *data, size_t n);
/* The folder where sockets of consoles are made, so that machines get some. */
void serial_init(struct agent *a);
