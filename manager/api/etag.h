/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ETags of single entities: "<configuration>-<representation>", two hashes. The first is of what people set, in the journal's form,
 * the configuration for the next run included: If-Match compares it, so that a VM which has merely started is still the one that was
 * read. The second is of the document as it was written: If-None-Match compares both. Both come from contents alone, so they
 * outlive a restart, and two who read the same hold the same tag.
 */
#include "manager/api/call.h"

struct http_exchange;

/* The handler, under the precondition of the call if it has one: checked before, and again with the commit. Core thread. */
int etag_run(struct call *c, struct err *e);
/* Hash of what the answer speaks of; 0: nothing that has versions. Any thread. */
uint64_t etag_of(const struct call_tagged *t);
/* Does one of the tags of an If-Match header name this configuration? */
bool etag_matches(const char *header, uint64_t configuration);
/* Set the header for a document. True: the client has it already, answer 304. Edge thread. */
bool etag_write(struct http_exchange *x, const struct call *c, int status, const GString *document);

uint64_t etag_hash(uint64_t seed, const void *data, size_t len);
