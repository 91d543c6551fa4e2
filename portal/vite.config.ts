// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { trimCss } from "./css-trim";

// Components of the first page: one file instead of fifty.
const FIRST =
  /node_modules\/(?:react|react-dom|scheduler|@tanstack\/(?:query-core|react-query))\/|@patternfly\/react-core\/dist\/esm\/(?:helpers|components\/(?:Alert|AlertGroup|Badge|Banner|Button|Divider|Drawer|Dropdown|EmptyState|Form|FormControl|FormControl|HelperText|Icon|Masthead|Menu|MenuToggle|Nav|Page|SkipToContent|Spinner|TextInput|Title|Tooltip|Label|Toolbar|Text|ValidatedOptions)\/)/;

// Of lists and their dialogs.
const LISTS = /@patternfly\/react-core\/dist\/esm\/(?:layouts\/Bullseye|components\/(?:Backdrop|Checkbox|Content|FormSelect|Modal|SearchInput|TextInputGroup)\/)/;

// Both portals are one build with two pages; the Manager serves it below /ovirt-engine/webadmin/ and /ovirt-engine/web-ui/.
export default defineConfig({
  plugins: [react(), trimCss()],
  base: "./",
  build: {
    outDir: process.env.PORTAL_OUT ?? "../build/portal",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", "web-ui": "web-ui.html" },
      output: {
        codeSplitting: {
          groups: [
            { name: "base", test: FIRST, priority: 3 },
            { name: "core", test: /src\/(?:text\/|lib\/(?:copy|later|session|settings|store)|frame\/(?:AwayBanner|ErrorBoundary|LoginForm|Logo|Toasts|notify|Portal)|pages\/Login)/, priority: 3 },
            { name: "schema", test: /src\/gen\/|src\/lib\/(?:schema|entities|format|pages)/, priority: 2 },
            { name: "widgets", test: LISTS, priority: 1 },
            { name: "icons", test: /@patternfly\/react-icons\//, minShareCount: 4 },
            { name: "app", test: /src\/(?:lib\/|frame\/|ui\/(?:DataTable|Search|StatusIcon|Value|flags|queries|router))/, minShareCount: 2 },
          ],
        },
      },
    },
  },
});
