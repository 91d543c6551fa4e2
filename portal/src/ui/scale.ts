// SPDX-License-Identifier: Apache-2.0
// How full is full: the same everywhere.
export type Level = "normal" | "raised" | "high" | "critical";

export const LEVELS: Level[] = ["normal", "raised", "high", "critical"];

export const levelOf = (percent: number): Level => (percent > 90 ? "critical" : percent > 75 ? "high" : percent > 65 ? "raised" : "normal");
