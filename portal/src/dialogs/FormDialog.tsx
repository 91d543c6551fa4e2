// SPDX-License-Identifier: Apache-2.0
// Something new, or a change of one: the form that the schema gives.
import { EntityForm } from "../ui/EntityForm";
import type { DialogProps } from "./index";

export default function FormDialog({ page, path, items, onClose }: DialogProps) {
  return <EntityForm page={page} path={path} entity={items[0]} onClose={onClose} />;
}
