// SPDX-License-Identifier: Apache-2.0
// A tab of a details page: a part of the entity, or others that belong to it.
import { Modal, ModalBody, ModalHeader } from "@patternfly/react-core";
import { useMemo, useState } from "react";
import type { Entity } from "../lib/api";
import { type EntityPage, pageOf, pageOfType, partPage, type Related } from "../lib/entities";
import { nameOf } from "../lib/format";
import { Nothing } from "../lists/Empty";
import { EntityList, type ListState } from "../lists/EntityList";
import { ownerOf } from "../lists/inherited";
import { linkTo } from "../ui/router";
import { General } from "./General";

/** All that is known about a part that has no page of its own. */
export function PartDetails({ page, entity, onClose }: { page: EntityPage; entity: Entity; onClose: () => void }) {
  return (
    <Modal isOpen variant="large" onClose={onClose} aria-label={nameOf(entity)}>
      <ModalHeader title={nameOf(entity)} />
      <ModalBody tabIndex={0} aria-label={nameOf(entity)}>
        <General page={page} entity={entity} />
      </ModalBody>
    </Modal>
  );
}

export function Part({ path, type, label }: { path: string; type: string; label: string }) {
  const page = useMemo(() => {
    const made = { ...partPage(type, path), many: label };
    // what permissions are for is said by where they are listed, or by whom they are inherited from
    const without = type !== "permission" ? [] : ownerOf(path) ? ["object", "object_type"] : ["inherited"];
    return without.length ? { ...made, columns: made.columns.filter((c) => !without.includes(c.path)) } : made;
  }, [type, path, label]);
  const [state, setState] = useState<ListState>({ search: "" });
  const [open, setOpen] = useState<Entity>();
  const home = type === "tag" ? undefined : pageOfType(type);
  const href = useMemo(() => (home ? (e: Entity) => linkTo(`${home.path}/${encodeURIComponent(e.id)}`) : undefined), [home]);
  return (
    <>
      <EntityList page={page} path={path} state={state} onState={setState} isPart href={href} onOpen={href ? undefined : setOpen} />
      {open && <PartDetails page={page} entity={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** A value of the search language; undefined: it has characters that the language cannot say. */
export const quoted = (value: string | undefined): string | undefined => (value && !/["';*\\]/.test(value) ? `"${value}"` : undefined);

function baseOf(related: Related, entity: Entity): string | undefined {
  const ids = related.ids?.(entity);
  if (ids?.length) return ids.map((id) => `id = ${id}`).join(" or ");
  const [field, value] = related.search?.(entity) ?? [];
  const safe = quoted(value);
  return field && safe ? `${field} = ${safe}` : undefined;
}

export function RelatedList({ related, entity }: { related: Related; entity: Entity }) {
  const page = pageOf(related.page);
  const [state, setState] = useState<ListState>({ search: "" });
  const base = baseOf(related, entity);
  const belongs = useMemo(() => (base === undefined ? (row: Entity) => related.belongs?.(row, entity) ?? false : undefined), [base, related, entity.id]);
  const [open, setOpen] = useState<Entity>();
  const href = useMemo(() => (page && page.type !== "event" ? (e: Entity) => linkTo(`${page.path}/${encodeURIComponent(e.id)}`) : undefined), [page]);
  if (!page) return <></>;
  if (related.ids && !base) return <Nothing page={page} path={page.path} isPart />;
  return (
    <>
      <EntityList page={page} path={page.path} state={state} onState={setState} base={base} belongs={belongs} isPart without={related.without}
        href={href} onOpen={href ? undefined : setOpen} />
      {open && <PartDetails page={page} entity={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}
