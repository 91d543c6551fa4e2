/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the makers of media for first starts. All pure. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "manager/vms/init_media.h"

#define INIT_FIELD "vm.initialization."

enum {
	INIT_MAX_SCRIPT = 64 * 1024,
	INIT_MAX_TEXT = 255,
	INIT_MAX_KEYS = 64 * 1024,
	INIT_MAX_NICS = 64,
	INIT_MAX_SERVERS = 16,
};

/* A YAML mapping at the top? An outline is looked at, not each value. init_yaml.c */
int init_check_yaml(const char *text, const char *field, struct err *e);
/* One line with a value that is quoted as YAML and JSON want it. NULL or "": nothing. */
void init_yaml_put(GString *out, const char *key, const char *value);

/* The lists of a text: by spaces, commas, semicolons and ends of lines; to be freed. */
GPtrArray *init_words(const char *text);
/* Length of a v4 mask ("255.255.255.0", "24") or of a v6 prefix; -1: none. */
int init_prefix(const char *netmask, bool is_v6);
/* The mask of a length, in the pool. */
char *init_netmask(struct pool *p, int prefix);

/* A file of this text in the pool. */
struct domain_payload_file init_file(struct pool *p, const char *path, const char *text);
char *init_json_text(struct pool *p, json_t *taken);
/* SHA-512 crypt, salted by the machine. NULL when the library refuses. */
char *init_hash(struct pool *p, const char *vm_id, const char *password);

/* user_data, network of cloud-init; files for a config drive. init_cloud.c */
int init_cloud(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
               struct err *e);
/* "#cloud-config"; NULL with e. */
char *init_user_data(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, struct err *e);
/* The network as Debian's interfaces file. */
char *init_eni(struct pool *p, const struct m_initialization *init);
bool init_is_dhcp(enum m_boot_protocol p);
/* Lines of keys; to be freed. */
GPtrArray *init_keys(const char *text);
/* The same for a NoCloud medium. init_nocloud.c */
int init_nocloud(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
                 struct err *e);
/* Does this VM's cloud-init read NoCloud media? */
bool init_is_nocloud(const struct m_vm *vm);
json_t *init_meta_data(const struct m_vm *vm, const struct m_initialization *init);
const char *init_host_name(const struct m_vm *vm, const struct m_initialization *init);
/* Answers for Windows' setup. init_windows.c */
int init_windows(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
                 struct err *e);
