/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Give back what is not in use: initialization code of some sixty libraries (most of the resident
 * size of any libvirt client) and freed heap. What is used again comes back from the page cache. */
void trim_memory(void);
