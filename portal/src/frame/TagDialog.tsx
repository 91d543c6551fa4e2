// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Form, FormGroup, FormSelect, FormSelectOption, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from "@patternfly/react-core";
import { type FormEvent, useState } from "react";
import { add, type Entity, remove, update } from "../lib/api";
import { t } from "../text";
import { useChange } from "../ui/queries";
import { ROOT_TAG, withDescendants } from "./TagsPane";

export interface TagTask {
  kind: "new" | "edit" | "remove";
  /** the one that is changed, or below which there is to be a new one */
  tag?: Entity;
}

interface Props {
  task: TagTask;
  tags: Entity[];
  onClose: () => void;
}

/** Creates, renames, moves or removes a tag. */
export function TagDialog({ task: { kind, tag }, tags, onClose }: Props) {
  const isEdit = kind === "edit";
  const [name, setName] = useState(isEdit ? (tag?.name ?? "") : "");
  const [description, setDescription] = useState(isEdit ? String(tag?.description ?? "") : "");
  const [parent, setParent] = useState(isEdit ? ((tag?.parent as Entity | undefined)?.id ?? ROOT_TAG) : (tag?.id ?? ROOT_TAG));
  const below = tag && kind !== "new" ? withDescendants(tags, tag.id) : new Set<string>();
  const change = useChange<void>(() => {
    if (kind === "remove") return remove(`tags/${tag!.id}`);
    const fields = { name, description, parent: { id: parent } };
    return isEdit ? update("tag", `tags/${tag!.id}`, fields) : add("tag", "tags", fields);
  });
  const submit = (e?: FormEvent) => {
    e?.preventDefault();
    if (kind === "remove" || name.trim()) change.mutate(undefined, { onSuccess: onClose });
  };
  const title = kind === "new" ? t("frame.tag.newTitle") : t(kind === "edit" ? "frame.tag.editTitle" : "frame.tag.removeTitle", { name: tag?.name ?? "" });
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="tag-title">
      <ModalHeader title={title} labelId="tag-title" titleIconVariant={kind === "remove" ? "warning" : undefined} />
      <ModalBody>
        {change.error && <Alert variant="danger" isInline title={change.error.message} role="alert" />}
        {kind === "remove" ? (
          <p>{below.size > 1 ? t("frame.tag.removeBody", { n: below.size - 1 }) : t("frame.tag.removeOne")}</p>
        ) : (
          <Form id="tag-form" onSubmit={submit}>
            <FormGroup label={t("frame.tag.name")} fieldId="tag-name" isRequired>
              <TextInput id="tag-name" value={name} isRequired maxLength={50} autoFocus onChange={(_e, v) => setName(v)} />
            </FormGroup>
            <FormGroup label={t("frame.tag.description")} fieldId="tag-description">
              <TextInput id="tag-description" value={description} maxLength={4000} onChange={(_e, v) => setDescription(v)} />
            </FormGroup>
            <FormGroup label={t("frame.tag.parent")} fieldId="tag-parent">
              <FormSelect id="tag-parent" value={parent} onChange={(_e, v) => setParent(v)}>
                <FormSelectOption value={ROOT_TAG} label={t("frame.tag.top")} />
                {tags
                  .filter((other) => other.id !== ROOT_TAG && !below.has(other.id))
                  .map((other) => (
                    <FormSelectOption key={other.id} value={other.id} label={other.name ?? other.id} />
                  ))}
              </FormSelect>
            </FormGroup>
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        <Button variant={kind === "remove" ? "danger" : "primary"} type={kind === "remove" ? "button" : "submit"} form="tag-form" isLoading={change.isPending} isDisabled={change.isPending || (kind !== "remove" && !name.trim())} onClick={kind === "remove" ? () => submit() : undefined}>
          {t(kind === "remove" ? "frame.tag.removeButton" : "frame.save")}
        </Button>
        <Button variant="link" onClick={onClose}>
          {t("frame.cancel")}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
