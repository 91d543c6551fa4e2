/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A self-signed certificate for tests and benchmarks: cert.pem and key.pem in dir. */
void test_cert_write(const char *dir, const char *name);
/* Both files and dir. */
void test_cert_remove(const char *dir);
