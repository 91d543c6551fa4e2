/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/vms/init_media.h"

#include <stdlib.h>
#include <string.h>

#include "manager/vms/init_int.h"

struct domain_payload_file init_file(struct pool *p, const char *path, const char *text)
{
	return (struct domain_payload_file){ .path = path, .data = text, .size = strlen(text) };
}

char *init_json_text(struct pool *p, json_t *taken)
{
	char *text = json_dumps(taken, JSON_INDENT(2) | JSON_SORT_KEYS), *kept = pool_strdup(p, text ? text : "{}");

	free(text);
	json_decref(taken);
	return kept;
}

/* ---- ignition ---- */

static int ignition_base(const struct m_initialization *init, json_t **out, struct err *e)
{
	const char *own = init && init->custom_script && *init->custom_script ? init->custom_script : NULL;
	json_error_t why;

	*out = own ? json_loads(own, JSON_REJECT_DUPLICATES, &why)
	           : json_pack("{s:{s:s}}", "ignition", "version", "3.1.0");
	if (*out && json_is_object(*out) &&
	    json_is_string(json_object_get(json_object_get(*out, "ignition"), "version")))
		return 0;
	if (*out)
		json_decref(*out);
	else
		return err_field(e, ERR_INVALID, INIT_FIELD "custom_script",
		                 INIT_FIELD "custom_script is not JSON: line %d: %s.", why.line, why.text);
	return err_field(e, ERR_INVALID, INIT_FIELD "custom_script",
	                 INIT_FIELD "custom_script has no ignition.version; it is not a configuration of ignition.");
}

static json_t *array_at(json_t *parent, const char *object, const char *list)
{
	json_t *o = json_object_get(parent, object), *l;

	if (!json_is_object(o)) {
		json_object_set_new(parent, object, json_object());
		o = json_object_get(parent, object);
	}
	l = json_object_get(o, list);
	if (!json_is_array(l)) {
		json_object_set_new(o, list, json_array());
		l = json_object_get(o, list);
	}
	return l;
}

static void ignition_user(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, json_t *config)
{
	g_auto(GStrv) lines = g_strsplit_set(init->authorized_ssh_keys ? init->authorized_ssh_keys : "", "\r\n", -1);
	const char *hash =
	    init->root_password && *init->root_password ? init_hash(p, vm->id, init->root_password) : NULL;
	json_t *user = json_object(), *keys = json_array();

	for (char **l = lines; *l; l++)
		if (*g_strstrip(*l))
			json_array_append_new(keys, json_string(*l));
	if (hash)
		json_object_set_new(user, "passwordHash", json_string(hash));
	if (json_array_size(keys))
		json_object_set(user, "sshAuthorizedKeys", keys);
	json_decref(keys);
	if (json_object_size(user)) {
		json_object_set_new(user, "name",
		                    json_string(init->user_name && *init->user_name ? init->user_name : "core"));
		json_array_append(array_at(config, "passwd", "users"), user);
	}
	json_decref(user);
}

static void ignition_host_name(const struct m_vm *vm, const struct m_initialization *init, json_t *config)
{
	g_autofree char *escaped = g_uri_escape_string(init_host_name(vm, init), NULL, FALSE);
	g_autofree char *source = g_strconcat("data:,", escaped, NULL);
	json_t *files = array_at(config, "storage", "files"), *f;
	size_t i;

	json_array_foreach (files, i, f)
		if (g_strcmp0(json_string_value(json_object_get(f, "path")), "/etc/hostname") == 0)
			return;
	json_array_append_new(files, json_pack("{s:s, s:i, s:b, s:{s:s}}", "path", "/etc/hostname", "mode", 0644,
	                                       "overwrite", 1, "contents", "source", source));
}

static int ignition(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
                    struct err *e)
{
	struct domain_payload_file f;
	json_t *config;
	const char *text;

	if (ignition_base(init, &config, e) < 0)
		return -1;
	if (init)
		ignition_user(p, vm, init, config);
	ignition_host_name(vm, init, config);
	text = init_json_text(p, config);
	f = init_file(p, "openstack/latest/user_data", text);
	g_array_append_val(files, f);
	f = init_file(p, "config.ign", text);
	g_array_append_val(files, f);
	f = init_file(p, "openstack/latest/meta_data.json", init_json_text(p, init_meta_data(vm, init)));
	g_array_append_val(files, f);
	return 0;
}

/* ---- all ---- */

/* Only the old machine has a floppy drive. */
static bool has_floppy_drive(const struct m_vm *vm)
{
	if (vm->custom_emulated_machine && *vm->custom_emulated_machine)
		return strstr(vm->custom_emulated_machine, "i440fx") || strcmp(vm->custom_emulated_machine, "pc") == 0;
	return vm->bios && vm->bios->type == M_BIOS_TYPE_I440FX_SEA_BIOS;
}

static int make(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, enum init_kind kind,
                GArray *files, struct err *e)
{
	switch (kind) {
	case INIT_SYSPREP: return init_windows(p, vm, init, files, e);
	case INIT_IGNITION: return ignition(p, vm, init, files, e);
	default: break;
	}
	if (init && init->custom_script && init_check_yaml(init->custom_script, INIT_FIELD "custom_script", e) < 0)
		return -1;
	return init_is_nocloud(vm) ? init_nocloud(p, vm, init, files, e) : init_cloud(p, vm, init, files, e);
}

static const char *label_of(const struct m_vm *vm, enum init_kind kind, bool is_floppy)
{
	if (kind == INIT_SYSPREP)
		return is_floppy ? NULL : "SYSPREP";
	return kind == INIT_CLOUD_INIT && init_is_nocloud(vm) ? "cidata" : "config-2";
}

int init_media(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, enum init_kind kind,
               struct domain_payload **list, size_t *n, struct err *e)
{
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct domain_payload_file));
	struct domain_payload *one;

	*list = NULL;
	*n = 0;
	if (init_check(init, e) < 0 || make(p, vm, init, kind, files, e) < 0)
		return -1;
	one = POOL_NEW(p, struct domain_payload);
	one->is_floppy = kind == INIT_SYSPREP && has_floppy_drive(vm);
	one->label = label_of(vm, kind, one->is_floppy);
	one->n_files = files->len;
	one->files = POOL_ARRAY(p, struct domain_payload_file, files->len);
	memcpy(one->files, files->data, files->len * sizeof(struct domain_payload_file));
	*list = one;
	*n = 1;
	return 0;
}
