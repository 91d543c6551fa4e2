/* SPDX-License-Identifier: Apache-2.0 */
/* How fast lists of VMs are written and read: a full VM with links, actions and what a client expects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/types.h"

#define N_VMS 10000

static const char VM[] =
    "{\"name\":\"web-server-0042\",\"description\":\"front end of the "
    "shop\",\"comment\":\"\",\"status\":\"up\",\"memory\":4294967296,"
    "\"stateless\":false,\"bios\":{\"type\":\"q35_sea_bios\",\"boot_menu\":{\"enabled\":false}},"
    "\"cpu\":{\"architecture\":\"x86_64\",\"topology\":{\"cores\":2,\"sockets\":2,\"threads\":1}},\"cpu_shares\":0,"
    "\"creation_time\":1700000000000,\"start_time\":1700000500000,\"delete_protected\":false,"
    "\"display\":{\"address\":\"10.0.0.1\",\"allow_override\":false,\"copy_paste_enabled\":true,\"disconnect_action\":"
    "\"LOCK_SCREEN\","
    "\"file_transfer_enabled\":true,\"monitors\":1,\"port\":5901,\"single_qxl_pci\":false,\"smartcard_enabled\":false,"
    "\"type\":\"vnc\"},"
    "\"high_availability\":{\"enabled\":true,\"priority\":50},\"io\":{\"threads\":1},"
    "\"memory_policy\":{\"ballooning\":true,\"guaranteed\":4294967296,\"max\":17179869184},"
    "\"migration\":{\"auto_converge\":\"inherit\",\"compressed\":\"inherit\",\"encrypted\":\"inherit\"},\"migration_"
    "downtime\":-1,"
    "\"multi_queues_enabled\":true,\"origin\":\"ovirt\",\"os\":{\"boot\":{\"devices\":[\"hd\",\"network\"]},\"type\":"
    "\"rhel_9x64\"},"
    "\"placement_policy\":{\"affinity\":\"migratable\"},\"start_paused\":false,\"storage_error_resume_behaviour\":"
    "\"auto_resume\","
    "\"time_zone\":{\"name\":\"Etc/"
    "GMT\"},\"type\":\"server\",\"usb\":{\"enabled\":false},\"sso\":{\"methods\":[{\"id\":\"guest_agent\"}]},"
    "\"fqdn\":\"web-server-0042.example.com\",\"next_run_configuration_exists\":false,\"numa_tune_mode\":"
    "\"interleave\",\"run_once\":false,"
    "\"cluster\":{\"id\":\"9a01c7ae-8d2b-4a2e-9a24-1c3a1b9f0001\"},\"host\":{\"id\":\"9a01c7ae-8d2b-4a2e-9a24-"
    "1c3a1b9f0002\"},"
    "\"template\":{\"id\":\"00000000-0000-0000-0000-000000000000\"},\"cpu_profile\":{\"id\":\"9a01c7ae-8d2b-4a2e-9a24-"
    "1c3a1b9f0004\"},"
    "\"id\":\"6c2c0f9e-1111-4222-8333-444455556666\"}";

static double seconds(void) { return (double)g_get_monotonic_time() / 1e6; }

static void report(const char *what, double since, size_t bytes, int n)
{
	double took = seconds() - since;

	printf("%-22s %8.1f MB/s %10.0f objects/s  (%zu bytes each, %.1f ms)\n", what, (double)bytes / took / 1e6,
	       n / took, bytes / (size_t)n, took * 1e3);
}

static void write_all(const char *what, struct m_vm *vm, bool is_json)
{
	const struct m_write w = { .base = "/ovirt-engine/api" };
	GString *out = g_string_new(NULL);

	/* The second time without the cost of fresh memory. */
	for (int round = 0; round < 2; round++) {
		double since = seconds();

		g_string_truncate(out, 0);
		m_write_list_begin(out, &M_TYPE_vm, is_json);
		for (size_t i = 0; i < N_VMS; i++)
			m_write_list_item(out, &M_TYPE_vm, vm, i, is_json, &w);
		m_write_list_end(out, &M_TYPE_vm, N_VMS, is_json);
		if (round)
			report(what, since, out->len, N_VMS);
	}
	g_string_free(out, TRUE);
}

typedef int reader(struct pool *, const struct m_type *, const char *, size_t, const struct m_limits *, void **,
                   struct err *);

static int read_journal(struct pool *p, const struct m_type *t, const char *s, size_t n, const struct m_limits *l,
                        void **out, struct err *e)
{
	return m_from_journal(p, t, s, n, out, e);
}

static void read_all(const char *what, const GString *doc, reader *read)
{
	double since = seconds();
	struct err e = ERR_INIT;

	for (int i = 0; i < N_VMS; i++) {
		auto_pool p = pool_new();
		void *obj;

		if (read(p, &M_TYPE_vm, doc->str, doc->len, NULL, &obj, &e) < 0) {
			fprintf(stderr, "%s: %s\n", what, e.detail);
			exit(1);
		}
	}
	report(what, since, doc->len * N_VMS, N_VMS);
}

static void freeze_all(const struct m_vm *vm)
{
	double since = seconds();
	static void *frozen[N_VMS];

	for (int i = 0; i < N_VMS; i++)
		frozen[i] = m_freeze(&M_TYPE_vm, vm);
	report("freeze", since, m_frozen_size(frozen[0]) * N_VMS, N_VMS);
	for (int i = 0; i < N_VMS; i++)
		m_frozen_release(frozen[i]);
}

int main(void)
{
	auto_pool p = pool_new();
	const struct m_write w = { .base = "/ovirt-engine/api" };
	GString *doc = g_string_new(NULL);
	struct err e = ERR_INIT;
	struct m_vm *vm;

	if (m_from_json(p, &M_TYPE_vm, VM, strlen(VM), NULL, (void **)&vm, &e) < 0) {
		fprintf(stderr, "%s: %s\n", e.field, e.detail);
		return 1;
	}
	vm->href = "/ovirt-engine/api/vms/6c2c0f9e-1111-4222-8333-444455556666";
	vm->service = &M_SERVICE_vm;
	write_all("write XML", vm, false);
	write_all("write JSON", vm, true);
	m_write_xml(doc, &M_TYPE_vm, vm, NULL, &w);
	read_all("read XML", doc, m_from_xml);
	m_write_json(g_string_truncate(doc, 0), &M_TYPE_vm, vm, &w);
	read_all("read JSON", doc, m_from_json);
	m_write_journal(g_string_truncate(doc, 0), &M_TYPE_vm, vm);
	read_all("read journal", doc, read_journal);
	freeze_all(vm);
	vm->service = NULL;
	write_all("write XML, no links", vm, false);
	m_write_xml(g_string_truncate(doc, 0), &M_TYPE_vm, vm, NULL,
	            &(struct m_write){ .base = "/ovirt-engine/api", .flags = M_W_PRETTY });
	if (getenv("SHOW"))
		puts(doc->str);
	g_string_free(doc, TRUE);
	return 0;
}
