// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from "@patternfly/react-core";
import { useState } from "react";
import { notify } from "../frame/notify";
import { add } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { t } from "../text";
import { useChange } from "../ui/queries";

/** Asks for a name, and keeps the search as a bookmark. */
export function SaveSearch({ page, search, onClose }: { page: EntityPage; search: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const value = `${page.search}: ${search}`;
  const save = useChange((given: string) => add("bookmark", "bookmarks", { name: given, value }));
  const submit = () =>
    save.mutate(name.trim(), {
      onSuccess: () => {
        notify({ variant: "success", title: t("lists.bookmark.done", { name: name.trim() }) });
        onClose();
      },
    });
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-label={t("lists.bookmark.title")}>
      <ModalHeader title={t("lists.bookmark.title")} description={value} />
      <ModalBody>
        {save.error && <Alert variant="danger" isInline title={save.error.message} />}
        <Form onSubmit={(e) => (e.preventDefault(), name.trim() && submit())}>
          <FormGroup label={t("lists.bookmark.name")} fieldId="bookmark-name" isRequired>
            <TextInput id="bookmark-name" value={name} onChange={(_e, v) => setName(v)} maxLength={40} isRequired autoFocus />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button onClick={submit} isDisabled={!name.trim()} isLoading={save.isPending}>{t("lists.save")}</Button>
        <Button variant="link" onClick={onClose}>{t("lists.cancel")}</Button>
      </ModalFooter>
    </Modal>
  );
}
