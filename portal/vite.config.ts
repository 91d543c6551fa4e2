// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Both portals are one build; the Manager serves it below /ovirt-engine/.
export default defineConfig({
  plugins: [react()],
  base: "./",
  build: { outDir: process.env.PORTAL_OUT ?? "../build/portal", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
