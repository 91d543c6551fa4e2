/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Ownership written in the declaration; GLib's g_autofree and g_autoptr serve for the rest. */
#include <jansson.h>
#include <unistd.h>

static inline void auto_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
/* auto_close int fd = -1; */
#define auto_close __attribute__((cleanup(auto_close_fd)))

static inline void auto_json_decref(json_t **j) { json_decref(*j); }
/* auto_json *j = NULL; */
#define auto_json __attribute__((cleanup(auto_json_decref))) json_t
