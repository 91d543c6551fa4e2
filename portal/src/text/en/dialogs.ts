// SPDX-License-Identifier: Apache-2.0
export const dialogs = {
  "dialogs.new": "New",
  "dialogs.edit": "Edit",
  "dialogs.remove": "Remove",
  "dialogs.more": "More",
} as const;
