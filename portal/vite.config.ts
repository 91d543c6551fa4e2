// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Both portals are one build with two pages; the Manager serves it below /ovirt-engine/webadmin/ and /ovirt-engine/web-ui/.
export default defineConfig({
  plugins: [react()],
  base: "./",
  build: {
    outDir: process.env.PORTAL_OUT ?? "../build/portal",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { index: "index.html", "web-ui": "web-ui.html" } },
  },
});
