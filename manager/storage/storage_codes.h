/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Error numbers of the agent protocol that decide what the Manager does next. */
enum {
	AGENT_RECOVERING = 99,
	AGENT_VOLUME_MISSING = 201,
	AGENT_VOLUME_EXISTS = 212,
	AGENT_IMAGE_MISSING = 268,
	AGENT_POOL_UNKNOWN = 309,
	AGENT_POOL_CONNECTED = 325,
	AGENT_SD_NOT_IN_POOL = 353,
	AGENT_SD_MISSING = 358,
	AGENT_SD_EXISTS = 365,
	AGENT_TASK_UNKNOWN = 401,
	AGENT_TASK_IN_PROGRESS = 406,
	AGENT_TASK_ABORTED = 411, /* the agent was restarted while it ran, and undid it */
	AGENT_NOT_SPM = 654,
	AGENT_IS_SPM = 656,
};
