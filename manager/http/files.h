/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files of a web application, read once into memory and served from there on the edge's threads. */
#include "manager/http/http.h"

struct http_files;

/* All of a folder, at most 64 MiB; what is neither of a known sort nor a plain file is left out. */
struct http_files *http_files_read(const char *dir, struct err *e);
/* After the server that serves them. NULL is fine. */
void http_files_free(struct http_files *f);
/*
 * Answer with the file, or 404. Pages of these files may load what comes from this Manager and nothing else, run no script
 * that is written into a page, and be shown in no frame.
 */
void http_files_reply(const struct http_files *f, struct http_exchange *x, const char *path);
