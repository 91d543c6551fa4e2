/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/hosts. */
#include "manager/hosts/hosts.h"

/* What is known of a host while the Manager runs; not in the journal. */
struct host_rt {
	struct core *core;
	char *id;
	bool is_connected, is_connecting, has_monitor, is_gone;
	char *fingerprint; /* of the certificate that the agent showed */
	char *new_key;     /* of one that is met for the first time: to be remembered */
	bool is_stranger;  /* told already: who answers has another key */
	struct err last_error;
	struct waitq wake; /* the monitor, and those who wait for a change */
	bool poke;         /* look again now */
	bool is_asked;     /* somebody wants to know what it is now */
	json_t *caps, *stats;
	json_t *stats_before;         /* the report before the last one, for rates */
	struct history *history;      /* its last hour and day; host_history.h */
	GHashTable *balloon_problems; /* VM id -> reports in a row; NULL: none yet */
	json_t *devices;              /* Host.hostdevListByCaps, or NULL */
	int64_t silent_since_ms;      /* 0: it answers */
	int failures;
	bool is_held;          /* keep the connection, although nobody talks to the agent in this status */
	int64_t cert_retry_ms; /* renewing its certificate failed: not before then */
};

struct hosts {
	struct core *core;
	GHashTable *by_id;         /* id -> host_rt */
	GHashTable *pairing_codes; /* host id -> code: secrets for minutes, so they wait here and not in the journal */
	struct agents *agents;     /* for pairing; NULL in the simulator */
	void (*reload)(void *arg); /* the Manager's certificates are new; NULL: nobody serves */
	void *reload_arg;
};

struct host_rt *host_rt(struct core *c, const char *id);
/* The host as it will be, or NULL when it is gone. */
const struct m_host *host_rt_latest(struct host_rt *rt);
/* Start the monitor of a host if it has none. */
void host_watch(struct core *c, const char *id);
/* Change the status (logged, event by the caller), not waited for. */
void host_set_status(struct core *c, const char *id, enum m_host_status status, const char *detail);

enum { HOST_CALL_MS = 30 * 1000 }; /* limit of one question to an agent */

/* ---- host_up.c: questions to the agent; in a fiber ---- */

int host_read_capabilities(struct host_rt *rt, struct err *e);
int host_poll_vms(struct host_rt *rt, struct err *e);
int host_poll_stats(struct host_rt *rt, struct err *e);
/* All that a host needs before it is up. */
int host_bring_up(struct host_rt *rt, struct err *e);

/* Take over what Host.getCapabilities and Host.getHardwareInfo say into a draft. */
void host_take_caps(struct pool *p, struct m_host *h, json_t *caps, json_t *hw);

/* The best CPU type that the host can carry at the level of the cluster; NULL: none. */
const char *host_cpu_type(const struct m_cluster *cl, json_t *caps);
/* ERR_CONFLICT, with an event, when the host lacks what the CPU type of its cluster needs. */
int host_check_cpu(struct core *c, const struct m_host *h, json_t *caps, struct err *e);

extern const struct command HOST_INSTALL_COMMAND;
extern const struct api_op HOST_OPS[];
extern const struct api_op HOST_HOOK_OPS[];
extern const struct api_op HOST_DEVICE_OPS[], HOST_HARDWARE_OPS[];

/* Start the job that brings a host in: pairing (with code), certificate, first contact. Frees t. */
int host_start_install(struct call *c, struct txn *t, const char *host_id, const char *pairing_code, char *job,
                       struct err *e);

/* Give a host a new certificate over the connection that the old one protects; makes a connection if there is none. In a
 * fiber. */
int host_renew_certificate(struct core *c, const char *id, const char *user, struct err *e);
/* The fiber that renews all certificates in time, and tells of those that end. */
void host_certificates_start(struct core *c);

/* As host_key_of(). host_meet: somebody of whom it is not known shows this key; -1 when it is another host's. host_tell_stranger: log
 * and event. */
const char *host_key(struct pool *p, const struct m_host *h);
int host_meet(struct core *c, const char *id, const char *key, struct err *e);
void host_tell_stranger(struct core *c, const char *id, const struct err *e);

/* Numbers of a host for the common statistics service. */
size_t host_nic_statistics(struct call *c, const char *nic_id, void **list, size_t max);
size_t host_statistics(struct call *c, const char *host_id, void **list, size_t max);
