// SPDX-License-Identifier: Apache-2.0
// Which dialog does what to which type. Dialogs are loaded when they are asked for.
import { type ComponentType, createElement, lazy, type LazyExoticComponent, Suspense } from "react";
import type { Entity } from "../lib/api";
import { type EntityPage, pageOfType } from "../lib/entities";
import "./dialogs.css";
import { showDialog } from "./store";

export { closeDialogs, DialogHost, showDialog } from "./store";

/** What every dialog is given. */
export interface DialogProps {
  page: EntityPage;
  /** the collection: "vms", "vms/ID/nics" */
  path: string;
  /** the selected; empty for something new */
  items: Entity[];
  onClose: () => void;
}

export type Dialog = LazyExoticComponent<ComponentType<DialogProps>>;

const FORM: Dialog = lazy(() => import("./FormDialog"));
const REMOVE: Dialog = lazy(() => import("./Remove"));
const GUIDE: Dialog = lazy(() => import("./Guide"));
const NEW_VM: Dialog = lazy(() => import("./vm/NewVm"));
const VM = () => import("./vm/tasks");
const DISK = () => import("./disks");
const STORAGE = () => import("./storage");
const ADMIN = () => import("./admin");
const ROLE = () => import("./RoleDialog");

/** One of several dialogs of a module. */
const part = <M extends Record<string, unknown>>(load: () => Promise<M>, name: keyof M): Dialog =>
  lazy(() => load().then((m) => ({ default: m[name] as ComponentType<DialogProps> })));

const ADD_DISK = part(DISK, "AddDisk");
const ADD_PERMISSION = part(ADMIN, "AddPermission");

/** By "type.what"; "*.what" is for all types without one of their own. */
const DIALOGS: Record<string, Dialog> = {
  "*.new": FORM,
  "*.edit": FORM,
  "*.remove": REMOVE,
  "*.tags": part(ADMIN, "AssignTags"),
  "*.permission": ADD_PERMISSION,
  "vm.new": NEW_VM,
  "template.new_vm": NEW_VM,
  "vm.run_once": part(VM, "RunOnce"),
  "vm.clone": part(VM, "Clone"),
  "vm.make_template": part(VM, "MakeTemplate"),
  "vm.snapshot": part(VM, "Snapshot"),
  "vm.change_cd": part(VM, "ChangeCd"),
  "cdrom.change_cd": part(VM, "ChangeCd"),
  "vm.add_disk": ADD_DISK,
  "vm.add_nic": part(VM, "AddNic"),
  "snapshot.new": part(VM, "Snapshot"),
  "snapshot.preview": part(VM, "Preview"),
  "snapshot.commit": part(VM, "Commit"),
  "snapshot.undo": part(VM, "Undo"),
  "snapshot.restore": part(VM, "Restore"),
  "snapshot.clone": part(VM, "CloneSnapshot"),
  "snapshot.make_template": part(VM, "MakeTemplate"),
  "disk_attachment.new": ADD_DISK,
  "disk_attachment.edit": part(DISK, "EditAttachment"),
  "disk_attachment.plug": part(DISK, "PlugDisk"),
  "disk_attachment.unplug": part(DISK, "UnplugDisk"),
  "disk.move": part(DISK, "MoveDisk"),
  "disk.copy": part(DISK, "CopyDisk"),
  "host.new": lazy(() => import("./NewHost")),
  "host.approve": lazy(() => import("./Approve")),
  "data_center.guide": GUIDE,
  "cluster.guide": GUIDE,
  "cluster.networks": part(ADMIN, "ClusterNetworks"),
  "network.manage": part(ADMIN, "ClusterNetworksHere"),
  "storage_domain.new": part(STORAGE, "NewDomain"),
  "storage_domain.attach": part(STORAGE, "Attach"),
  "storage_domain.attach_here": part(STORAGE, "AttachHere"),
  "storage_domain.activate": part(STORAGE, "Activate"),
  "storage_domain.deactivate": part(STORAGE, "Deactivate"),
  "storage_domain.detach": part(STORAGE, "Detach"),
  "storage_domain.detach_here": part(STORAGE, "DetachHere"),
  "tag.assign": part(ADMIN, "AssignHere"),
  "tag.unassign": part(ADMIN, "Unassign"),
  "permission.new": part(ADMIN, "AddPermissionHere"),
  "user.roles": part(ADMIN, "UserRoles"),
  "group.roles": part(ADMIN, "UserRoles"),
  "role.new": part(ROLE, "NewRole"),
  "role.edit": part(ROLE, "EditRole"),
  "role.copy": part(ROLE, "CopyRole"),
};

/** The dialog for something new ("new"), for changing one ("edit"), or for an action or another command by its name. */
export const dialogFor = (type: string, what: string): Dialog | undefined => DIALOGS[`${type}.${what}`] ?? DIALOGS[`*.${what}`];

/** Opens it; false when there is none. */
export function openDialog(type: string, what: string, path: string, items: Entity[] = [], page = pageOfType(type)): boolean {
  const dialog = dialogFor(type, what);
  if (!dialog || !page) return false;
  showDialog((onClose) => createElement(Suspense, { fallback: null }, createElement(dialog, { page, path, items, onClose })));
  return true;
}
