/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Search, inside: tables of entities and fields, compiled readers, terms. */
#include "manager/api/search.h"

enum sop { OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE, N_SOP };
extern const char *const SOP_TEXT[N_SOP];
enum {
	OPS_EQ = 1 << OP_EQ | 1 << OP_NE,
	OPS_LTGT = 1 << OP_LT | 1 << OP_GT,
	OPS_DATE = OPS_LTGT | 1 << OP_EQ,
	OPS_ALL = (1 << N_SOP) - 1
};

enum stype { ST_STRING, ST_UUID, ST_OS, ST_INT, ST_DECIMAL, ST_ENUM, ST_BOOL, ST_DATE, ST_TIMESPAN };

enum sflag {
	SF_FREE = 1 << 0,      /* takes part in free text */
	SF_HIDDEN = 1 << 1,    /* accepted, not offered */
	SF_SUBSTRING = 1 << 2, /* the value may be anywhere in the text */
	SF_TAG = 1 << 3,       /* a tag's ancestors count as well */
	SF_LOGIN = 1 << 4,     /* "login@profile" means both */
	SF_IP = 1 << 5,        /* sorts as an address */
	SF_MB = 1 << 6,        /* bytes in the model, MiB here */
	SF_GB = 1 << 7,
};

/* One value of a field. Enumerations, booleans, dates and timespans (seconds) are numbers. */
struct sval {
	const char *text; /* NULL: a number */
	size_t len;
	double num;
	char buf[64];
};
/* False: no value. */
typedef bool (*sget_fn)(struct core *c, const void *obj, struct sval *out);

/* Words of an enumeration, and what they mean in the API's. */
struct senum {
	const char *name;
	const char *words;        /* separated by blanks */
	const struct m_enum *api; /* NULL: values are positions in words */
	const char *aliases;      /* "MigratingFrom=migrating ...", where the words do not tell */
};

/*
 * A field's value is at the end of a path: members with '.' between, '/' goes on in the entity referred to, "<kind.member"
 * in those that refer to us; '|' separates what to try when there is no value. Or a function gives it.
 */
struct sfield {
	const char *name;
	uint8_t type;
	uint8_t ops;
	uint16_t flags;
	const char *path;
	sget_fn get;
	const struct senum *en;
};

enum sent {
	SE_VM,
	SE_HOST,
	SE_TEMPLATE,
	SE_INSTANCE_TYPE,
	SE_IMAGE_TYPE,
	SE_USER,
	SE_GROUP,
	SE_POOL,
	SE_CLUSTER,
	SE_DATA_CENTER,
	SE_STORAGE,
	SE_DISK,
	SE_VOLUME,
	SE_QUOTA,
	SE_NETWORK,
	SE_VNIC_PROFILE,
	SE_PROVIDER,
	SE_EVENT,
	SE_SESSION,
	SE_JOB,
	SE_NIC,
	SE_VNIC,
	SE_CLUSTER_NETWORK,
	SE_HOST_NETWORK,
	SE_OTHER,
	N_SENT
};

/* Related entities: path as above, ending in entities. NULL: the inventory does not know any. */
struct srel {
	enum sent entity;
	const char *path;
};

struct sentity {
	const char *singular, *plural; /* plural may be NULL */
	int kind;                      /* -1: not in the inventory */
	const struct sfield *fields;
	int n_fields;
	const struct srel *cross;
	int n_cross;
	bool is_cross_only;
};
extern const struct sentity SENTITIES[N_SENT];
/* Entity of a kind; SE_OTHER (name, description, comment, id) when the schema has none. */
enum sent sent_of_kind(enum kind k);

/* ---- compiled readers (search_path.c) ---- */

enum sstep_op { S_END, S_STRUCT, S_HOP, S_HOP_LIST, S_REVERSE, S_LEAF, S_LEAF_ID, S_LEAF_ID_LIST };
struct sstep {
	enum sstep_op op;
	uint32_t offset;
	int kind;                  /* of entities reached */
	int idx;                   /* of S_REVERSE; -1: the kind is not indexed by that member */
	const struct m_type *type; /* S_REVERSE: what we are; S_LEAF: whose member it is */
	const struct m_field *field;
};

enum { SREAD_MAX_ALT = 3 };
struct sread {
	const struct sfield *f;
	const struct m_type *type;
	const struct sstep *alt[SREAD_MAX_ALT];
	int n_alt;
	bool is_own; /* all in the version itself: readable on any thread, without a core */
	search_stat_fn stat;
	search_text_fn text;
};

/* Fill r for field f of versions of kind (or -1). False: a path is wrong, which is a mistake in the tables. */
bool sread_compile(struct pool *p, struct sread *r, int kind, const struct sfield *f);
/* *out: steps to related entities, NULL when there is no way. */
bool srel_compile(struct pool *p, const struct sstep **out, int kind, const char *path);

/* Call fn for each value, until it returns true; obj is what the value was found in. Returns that true. obj NULL: no value. */
typedef bool (*sval_fn)(void *arg, const void *obj, const struct sval *v);
bool sread_each(const struct sread *r, struct core *c, const void *obj, sval_fn fn, void *arg);
/* Call fn for each entity related. */
typedef bool (*srow_fn)(void *arg, const void *version);
bool srel_each(const struct sstep *rel, struct core *c, const void *obj, srow_fn fn, void *arg);

const char *sid(const struct m_type *t, const void *obj);
/* Sources that somebody registered. */
void search_sources(int kind, const char *field, search_stat_fn *stat, search_text_fn *text);

/* ---- values (search_value.c, search_date.c, search_text.c) ---- */

struct spattern {
	const char *text; /* lower case when case does not matter */
	bool any_case;
};
struct spattern spattern_make(struct pool *p, const char *text, bool any_case, bool is_substring);
bool spattern_matches(const struct spattern *pat, const char *s, size_t len);

/* A date as written: a day's number (since 1970, UTC), or a word that depends on today. */
struct sdate {
	enum { SD_FIXED, SD_DAYS_AGO, SD_WEEKDAY } kind;
	int64_t ms;   /* SD_FIXED */
	int days_ago; /* SD_DAYS_AGO */
	int weekday;  /* SD_WEEKDAY: 0 is Sunday */
};
extern const char *const SDATE_WORDS[];
bool sdate_parse(const char *text, struct sdate *out);
int64_t sdate_ms(const struct sdate *d, int64_t now_ms);
bool stimespan_parse(const char *text, double *seconds);
bool snumber_parse(const char *text, double *out);
/* Bits of the constants that a word means; 0 is possible. False: no such word. */
bool senum_parse(const struct senum *en, const char *word, uint64_t *mask);

struct sterm {
	struct sread *reads; /* several: free text */
	int n_reads;
	int cross; /* -1: the entity itself */
	enum sop op;
	enum stype type;
	bool is_empty;                /* value is "" or null */
	struct spattern pat, profile; /* profile.text NULL: not asked for */
	double num;
	uint64_t mask;
	struct sdate date;
	double lo, hi; /* date: that day */
};
/* Does one value satisfy the term, read as "=" when it is "!="? */
bool sterm_hit(const struct sterm *t, const struct sfield *f, const struct sval *v);
/* Does what r reads from obj (NULL: nothing is related) satisfy the term, but for "!=" and empty values? *seen becomes true when there is a
 * value at all. */
bool sterm_reads(struct core *c, const struct sterm *t, const struct sread *r, const void *obj, bool *seen);
/* Does the term hold for obj? */
bool sterm_matches(struct core *c, const struct sterm *t, const void *obj);
/* Read a value. False with *allowed (may be NULL) saying what is. */
bool sterm_value(struct pool *p, struct sterm *t, const struct sfield *f, const char *text, bool is_quoted,
                 bool any_case, const char **allowed);

/* ---- a query ---- */

enum sjoin { SJ_NONE, SJ_IMPLIED, SJ_AND, SJ_OR };

enum { SVECS_MAX = 16 };
/* Which terms can be true together: each set is one related entity's; sets within others are left out. */
struct svecs {
	uint64_t v[SVECS_MAX];
	int n;
};
struct scross {
	const struct sentity *ent;
	const struct sstep *rel;
	uint64_t terms, none; /* its terms; those true when nothing is related */
	GHashTable *scanned;  /* id -> struct svecs, for relations without index */
	bool has_free;
};
enum { SCROSS_MAX = 8 };

struct search {
	struct pool *pool;
	const struct sentity *ent;
	int kind; /* ent's, but SE_OTHER stands for many; -1: not in the inventory */
	struct sterm terms[SEARCH_MAX_TERMS];
	uint8_t join[SEARCH_MAX_TERMS]; /* between this term and the one before */
	int n_terms;
	struct scross cross[SCROSS_MAX];
	int n_cross;
	uint64_t own_terms;
	bool any_case, has_free, is_prepared, is_scanned;
	struct sread *sort; /* NULL: no SORTBY */
	bool is_desc;
	int64_t page;
	GHashTable *keys; /* version -> struct skey *, when the sort's value is elsewhere */
};
struct skey {
	bool has;
	double num;
	const char *text;
};
/* What needs the core before terms are evaluated. search_scan also goes through what is not indexed, and may yield. */
void search_prepare(struct core *c, struct search *s);
void search_scan(struct core *c, struct search *s);
/* Value to sort by, copied to the pool when c is given. */
struct skey skey_read(const struct sread *r, struct core *c, const void *version, struct pool *p);

/* Parse for any entity of the tables; base is added to offsets in messages. place may be NULL. */
struct search *search_parse_entity(struct pool *p, enum sent ent, int kind, const char *text, int base, bool any_case,
                                   struct search_place *place, struct err *e);
