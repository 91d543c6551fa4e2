// SPDX-License-Identifier: Apache-2.0
export const frame = {
  "frame.logout": "Log out",
} as const;
