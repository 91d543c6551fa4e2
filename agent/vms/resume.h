/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Machines that stopped at an I/O error: when their storage domain is well again they go on, stay paused, or have been killed
 * meanwhile, as resumeBehavior in their metadata says.
 */
struct agent;

void resume_init(struct agent *a);
