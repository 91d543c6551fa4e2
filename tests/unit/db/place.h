/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A place for a database that a test may fill and that nobody else uses: a file in a temporary folder, or a
 * new database of the PostgreSQL server that HOSTLER_TEST_PG names. The same tests run on both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/db.h"

/* Group setups and teardown for cmocka. */
int place_sqlite(void **state);
int place_postgresql(void **state);
int place_remove(void **state);

/* Is there a server to test with? Says so when not. */
bool place_has_postgresql(void);

/* Test setup: an empty database at the place. */
int place_empty(void **state);

const char *place_url(void);
bool place_is_sqlite(void);
/* A folder that goes away with the place. */
const char *place_folder(void);
/* Ask the PostgreSQL server to end all sessions in the database of the place. */
void place_end_sessions(void);
