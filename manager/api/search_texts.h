/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A set of texts, each with a number: what a column of texts is made of. They lie one behind the other in lower case, so that a pattern
 * runs over all of them in one go; what is written otherwise is kept beside that. Several values of one row are one text, joined by \x01.
 */
#include "manager/api/search_internal.h"

struct stexts {
	char *fold, *orig; /* orig: only once something differs from its lower case */
	uint32_t fold_len, fold_cap, orig_len, orig_cap;
	uint32_t *off, *orig_off; /* by code; orig_off[code] 0: as in fold */
	uint8_t *is_multi;        /* by code */
	uint32_t n, cap;          /* codes; 0 stands for no value */
	uint32_t *slots;          /* hash of codes */
	uint32_t n_slots;
	uint32_t *sorted, *rank; /* codes in order, and back; of the first n_ranked */
	uint32_t n_ranked;
};

void stexts_init(struct stexts *t);
void stexts_clear(struct stexts *t);
/* The number of a text; len includes the \x01 of joined ones. */
uint32_t stexts_code(struct stexts *t, const char *text, size_t len, bool is_multi);
size_t stexts_bytes(const struct stexts *t);
/* Set the bits of the texts that match; hits has n bits, all clear. */
void stexts_match(const struct stexts *t, const struct spattern *pat, uint64_t *hits);
/* Bring rank up to date: 1 and up; equal texts have one rank, by addresses when is_ip. New ones are compared with few others. */
void stexts_rank(struct stexts *t, bool is_ip);
/* An address as a number: IPv4 before IPv6, text that is neither last (search_sort.c). */
double search_address_key(const char *text);
