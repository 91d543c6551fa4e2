/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The API's types as C: reflection over the structs that tools/gen_model.py writes from schema/.
 *
 * How a member of the API looks in C (struct m_<type>, members named as on the wire):
 *
 *   string          char *name                        NULL: absent
 *   boolean         bool stateless                    present when has.stateless
 *   integer         int64_t memory                    present when has.memory
 *   decimal         double speed                      present when has.speed
 *   date            int64_t time (ms since 1970 UTC)  present when has.time
 *   enumeration     enum m_vm_status status           M_VM_STATUS_NONE (0): absent
 *   structure       struct m_cpu *cpu                 NULL: absent
 *   link to entity  struct m_ref cluster              id NULL and obj NULL: absent
 *   list            struct { T *v; uint32_t n; } nics  v NULL: absent; v set and n 0: given, but empty
 *                   T is char * (string), int64_t, bool, double, enum, struct m_X * (structures) or
 *                   struct m_ref (links)
 *
 * A C keyword as member gets a trailing underscore (volatile_). Derived types hold the members of
 * their bases first, flat. Types that derive from `identified` also carry `href` and `service`, which
 * are not part of the document's own data: see struct m_entity.
 *
 * Objects are made in pools and are free to be changed (drafts), or frozen: one immutable,
 * reference-counted block that any thread may read (see m_freeze).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

struct m_type;
struct m_enum;
struct m_op;
struct m_service;

/* A link to an entity. id is enough; obj is the whole entity: as the client wrote it (perhaps only a
 * name), or what `follow` put in. */
struct m_ref {
	char *id;
	void *obj; /* struct m_<type of the field> * */
};

enum m_kind { M_STRING, M_BOOL, M_INT, M_DECIMAL, M_DATE, M_ENUM, M_STRUCT, M_REF };

enum m_flag {
	M_F_LIST = 1 << 0,
	M_F_LINK = 1 << 1,        /* a link in the API's model (kind is M_REF unless the type has no identity) */
	M_F_XML_ATTR = 1 << 2,    /* an attribute in XML, not an element (id) */
	M_F_INTERNAL = 1 << 3,    /* ours, from schema/inventory.json: kept in the journal, never on the wire */
	M_F_READONLY = 1 << 4,    /* ignored in requests */
	M_F_INT32 = 1 << 5,       /* signed 32 bit on the wire */
	M_F_ALWAYS = 1 << 6,      /* an absent string may be written empty (name, description, comment) */
	M_F_SECRET = 1 << 7,      /* accepted, never written on the wire (passwords) */
	M_F_EXPENSIVE = 1 << 8,   /* only written with all_content */
	M_F_CREATE_ONLY = 1 << 9, /* may be given at creation, fixed afterwards */
};

struct m_field {
	const char *name; /* on the wire */
	const char *item; /* element name of a list's items */
	const char *doc;  /* one line, or NULL */
	enum m_kind kind;
	uint32_t flags;
	uint32_t offset;            /* in the struct */
	int has_bit;                /* bit in `has` for BOOL, INT, DECIMAL, DATE that are no lists; else -1 */
	const struct m_type *type;  /* of STRUCT and REF */
	const struct m_enum *enum_; /* of ENUM */
	/* rules, from schema/inventory.json; has_rule tells that they are set */
	bool has_min, has_max;
	int64_t min, max;           /* of the value; of the length in characters for strings */
	const char *pattern;        /* POSIX extended regular expression for strings, or NULL */
	const char *pattern_hint;   /* for people: "letters, digits, '-', '_' and '.'" */
	uint8_t name_len, item_len; /* of name and item */
};

struct m_type {
	const char *name;       /* "vm" */
	const char *element;    /* root element of one */
	const char *collection; /* root element of many */
	const struct m_type *base;
	const struct m_field *fields; /* base first, in the order of documents */
	int n_fields;
	size_t size;
	int has_words;      /* `has` is at offset 0: this many uint64_t */
	bool is_identified; /* derives from `identified`: starts as struct m_entity does */
	int index;          /* position in M_TYPES */
	/* Where one lives: "vms/{id}", "vms/{vm}/nics/{id}"; NULL when it has no URL of its own. {x} is
	 * the id of member x. */
	const char *path;
	const struct m_service *path_service; /* the service at that URL */
	const uint8_t *by_name;               /* positions in fields, ordered by name */
	const char *ref_prefix;               /* "vms/" when path is "vms/{id}": an href needs only the id; else NULL */
};

struct m_enum {
	const char *name;
	const char *const *values; /* values[0] is "" (absent); values[i] belongs to the constant i */
	int n_values;              /* with values[0] */
};

/*
 * How every identified type begins, whatever its `has` size: use the accessors, not a cast.
 */
struct m_entity {
	char *id, *name, *description, *comment;
	const char *href;                /* absolute path, or NULL */
	const struct m_service *service; /* of that href: gives links and actions; or NULL */
};
/* The m_entity part of an identified object; NULL for other types. */
struct m_entity *m_entity(const struct m_type *t, const void *obj);

extern const struct m_type *const M_TYPES[]; /* NULL-terminated; M_TYPE_<name> are declared in model_types.h */
extern const struct m_enum *const M_ENUMS[];

const struct m_type *m_type_find(const char *name);
const struct m_field *m_field_find(const struct m_type *t, const char *name);
/* Value of a name, any case: the constant; 0 when unknown. */
int m_enum_value(const struct m_enum *en, const char *name);
/* "" for 0 or out of range. */
const char *m_enum_name(const struct m_enum *en, int value);

/* ---- objects -------------------------------------------------------------------------------- */

/* Zeroed object of type t. */
void *m_new(struct pool *p, const struct m_type *t);
/* Is the member there? */
bool m_has(const struct m_type *t, const void *obj, const struct m_field *f);
void m_clear(const struct m_type *t, void *obj, const struct m_field *f);
/* Set or read a scalar that has a presence bit: M_SET(vm, memory, 1 << 30); M_GET(vm, memory, 0). */
#define M_SET(obj, member, value) ((obj)->member = (value), (obj)->has.member = 1)
#define M_GET(obj, member, dflt)  ((obj)->has.member ? (obj)->member : (dflt))

/* Deep copy into a pool, to be changed. */
void *m_copy(struct pool *p, const struct m_type *t, const void *obj);
/*
 * Deep copy of the members that both types have by name and kind (template to VM), but for `id`. What
 * src lacks stays as it is in dst.
 */
void m_copy_common(struct pool *p, const struct m_type *dst_t, void *dst, const struct m_type *src_t, const void *src);
/* Same content? href and service do not count. */
bool m_equal(const struct m_type *t, const void *a, const void *b);

enum m_merge_flag {
	M_MERGE_API = 1 << 0,    /* leave out read-only and internal members: src came from a client */
	M_MERGE_CREATE = 1 << 1, /* dst is new: members that are fixed after creation are taken, too */
};
/*
 * Partial update: what is present in src replaces what is in dst; structures merge member by member,
 * lists and references are replaced. Copies into p. With M_MERGE_API a different value for an M_F_CREATE_ONLY
 * member is ERR_IMMUTABLE, naming it.
 */
int m_merge(struct pool *p, const struct m_type *t, void *dst, const void *src, unsigned flags, struct err *e);

/* Check the rules of the fields, recursively. field in e is "<t->name>.memory" and so on. */
int m_validate(const struct m_type *t, const void *obj, struct err *e);

/* Is a dotted path present ("cluster.id", "disks.id": in every item)? "id" of a reference counts. */
bool m_path_present(const struct m_type *t, const void *obj, const char *path);

/* ---- frozen objects --------------------------------------------------------------------------- */

/*
 * Deep copy into one block, immutable from now on, owned by reference count (starts at 1); ref.obj,
 * href and service are dropped. Any thread may read and retain it while it holds a reference.
 */
void *m_freeze(const struct m_type *t, const void *obj);
void *m_frozen_retain(const void *frozen);
/* NULL is fine. */
void m_frozen_release(const void *frozen);
/* Bytes of the block. */
size_t m_frozen_size(const void *frozen);

/* ---- codecs ------------------------------------------------------------------------------------- */

/* What a request may contain; more is ERR_TOO_LARGE. */
struct m_limits {
	size_t max_bytes;
	int max_depth;
	int max_nodes; /* elements, attributes, members, items */
};
extern const struct m_limits M_LIMITS_DEFAULT; /* 16 MiB, depth 64, 200,000 nodes */

/*
 * Read a document. XML: the root element must be t->element. Unknown elements and members, a wrong
 * document: ERR_SYNTAX; bad values: ERR_INVALID (with the allowed values in the sentence); overflow:
 * ERR_RANGE. The field is the dotted path from the type's name. DTDs and external entities are refused.
 * `actions`, `link`, `href` and `rel` in requests are skipped: clients send back what they read.
 * An empty document (len 0) gives an empty object.
 */
int m_from_xml(struct pool *p, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim,
               void **out, struct err *e);
int m_from_json(struct pool *p, const struct m_type *t, const char *text, size_t len, const struct m_limits *lim,
                void **out, struct err *e);

enum m_write_flag {
	M_W_ALL_CONTENT = 1 << 0, /* M_F_EXPENSIVE members too */
	M_W_PRETTY = 1 << 1,      /* XML indented by 4 */
};
/*
 * Absent M_F_ALWAYS members are written empty in objects that have href and name. A reference's obj, and
 * an identified structure, with id but no href, get the href that a reference would get.
 */
struct m_write {
	const char *base; /* "/ovirt-engine/api" or ".../v4": in front of the hrefs of references */
	unsigned flags;
};
/*
 * Append an object as XML or JSON as the wire format says. element overrides t->element (NULL: as it
 * is). For an identified object with href the href is written, and with service also its actions and links.
 * References without obj get href from the type's path when that path needs the id alone.
 */
void m_write_xml(GString *out, const struct m_type *t, const void *obj, const char *element, const struct m_write *w);
void m_write_json(GString *out, const struct m_type *t, const void *obj, const struct m_write *w);
/* The pieces around the items of a collection: for XML with declaration. item index i of the list. */
void m_write_xml_head(GString *out);
void m_write_list_begin(GString *out, const struct m_type *t, bool is_json);
void m_write_list_item(GString *out, const struct m_type *t, const void *obj, size_t i, bool is_json,
                       const struct m_write *w);
void m_write_list_end(GString *out, const struct m_type *t, size_t n, bool is_json);

/* The journal's form: compact JSON with native values and with internal and secret members, without hrefs;
 * references are {"id": ...}. Reading it ignores members that this version does not know. */
void m_write_journal(GString *out, const struct m_type *t, const void *obj);
int m_from_journal(struct pool *p, const struct m_type *t, const char *text, size_t len, void **out, struct err *e);

/* ---- the service tree ------------------------------------------------------------------------- */

enum m_op_kind { M_OP_LIST, M_OP_GET, M_OP_ADD, M_OP_UPDATE, M_OP_REMOVE, M_OP_ACTION };
enum m_via { M_VIA_QUERY, M_VIA_BODY, M_VIA_ACTION, M_VIA_RESULT };

struct m_param {
	const char *name;
	enum m_kind kind;          /* of a scalar */
	const struct m_type *type; /* of structures */
	const struct m_enum *enum_;
	bool is_list, is_mandatory;
	enum m_via via;
};
/* One way to call an operation: each entry of requires is "vm.cluster.id|vm.cluster.name". */
struct m_signature {
	const char *name;
	const char *const *requires; /* NULL-terminated */
};
struct m_op {
	const char *name; /* "vms.add", "vm.start" */
	const struct m_service *service;
	const char *method; /* "add", "start" */
	enum m_op_kind kind;
	const char *path; /* path word of an action, else NULL */
	const struct m_param *params;
	int n_params;
	const struct m_param *body;   /* the parameter that is the body, or NULL */
	const struct m_param *result; /* first out parameter, or NULL */
	const char *const *requires;  /* NULL-terminated, for every call */
	const struct m_signature *signatures;
	int n_signatures;
	bool is_deprecated;
	int index; /* position in M_OPS */
};
struct m_locator {
	const char *path;  /* "nics"; for a parameter its name in braces: "{vm}" */
	const char *param; /* "vm", or NULL */
	const struct m_service *service;
};
struct m_service {
	const char *name;                 /* "vms", "vm_nic" */
	const struct m_locator *locators; /* base services' included */
	int n_locators;
	const struct m_op *const *ops; /* base services' included */
	int n_ops;
	int index; /* position in M_SERVICES */
};
extern const struct m_op *const M_OPS[]; /* NULL-terminated, 648 of them */
extern const struct m_service *const M_SERVICES[];
extern const struct m_service *const M_ROOT_SERVICE; /* "system" */
const struct m_op *m_op_find(const char *name);
const struct m_op *m_service_op(const struct m_service *s, enum m_op_kind kind, const char *action_path);

/*
 * ERR_MISSING unless the request has what op requires and one of its signatures fits: the best match names what
 * is absent. body is the body parameter's object, or the struct m_action of an action.
 */
int m_op_check_input(const struct m_op *op, const void *body, struct err *e);
