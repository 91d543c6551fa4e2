/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
struct agent;

/* Define the network filter that Managers give to network cards unless told otherwise. In a fiber. */
void filter_define(struct agent *a);
