/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* QoS of data centers, and the profiles that use it. */
#include "manager/api/call.h"

extern const struct api_op QOS_OPS[], CPU_PROFILE_OPS[];

/* Resolve a profile's reference to a QoS: of this sort, in this data center. field for the message: "cpu_profile.qos". */
int qos_resolve(struct call *c, struct m_ref *ref, enum m_qos_type type, const char *dc_id, const char *field,
                struct err *e);
/* An empty id means none, and is not kept. */
void qos_settle(struct m_ref *ref);
/* Update the profile that the call is about; its reference to a QoS is at this offset. */
int qos_update_profile(struct call *c, size_t offset, struct err *e);
