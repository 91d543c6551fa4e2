/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A table of texts with columns as wide as needed. */
#include <stdbool.h>
#include <stdio.h>

struct table;

/* Titles and cells are copied; cells are made printable. */
struct table *table_new(const char *const *titles, int n_columns);
void table_free(struct table *t);
void table_row(struct table *t, const char *const *cells);
/* Order the rows by a column: as numbers where both are, else as text. */
void table_sort(struct table *t, int column, bool is_descending);
/* has_colour: words of state are coloured. */
void table_print(const struct table *t, FILE *out, bool with_titles, bool has_colour);
/* RFC 4180. */
void table_print_csv(const struct table *t, FILE *out, bool with_titles);
/* "up" in green: the escape sequence, or "". */
const char *table_colour(const char *state);
