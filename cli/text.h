/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Text for terminals: width in columns, what is not printable, words that are meant. */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Columns on a terminal. The text is printable (text_printable). */
int text_width(const char *s);
/*
 * Append text so that it cannot steer a terminal: control characters, invisible ones, marks that turn the direction of
 * writing and bytes that are no UTF-8 become \n, \t, \x1b, \u202e. with_lines keeps line feeds and tabs.
 */
void text_append_printable(GString *out, const char *s, gssize len, bool with_lines);
char *text_printable(const char *s);
/* Append s, then blanks up to width. */
void text_append_padded(GString *out, const char *s, int width);

/* How many letters must change to make b of a. */
int text_distance(const char *a, const char *b);

/* The nearest of the candidates that were offered, if near enough: struct guess g = GUESS(word); guess_offer... */
struct guess {
	const char *word;
	char best[96];
	int distance;
};
#define GUESS(w)                                                                                                       \
	{                                                                                                              \
		.word = (w), .distance = 1000                                                                          \
	}
void guess_offer(struct guess *g, const char *candidate);
/* NULL when nothing is near. */
const char *guess_best(const struct guess *g);

/* The same, whatever the case, and with these characters left out? */
bool text_same_without(const char *marks, const char *a, const char *b);
/* Same word, whatever the case, and with '-', '_' left out? */
bool text_same_word(const char *a, const char *b);
/* "disk_attachment" -> "disk-attachment" */
char *text_dashed(const char *name);
