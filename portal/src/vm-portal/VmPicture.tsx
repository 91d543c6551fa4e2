// SPDX-License-Identifier: Apache-2.0
// What a VM looks like: its screen while it runs, else the sign of its operating system.
import { useQuery } from "@tanstack/react-query";
import DesktopIcon from "@patternfly/react-icons/dist/esm/icons/desktop-icon";
import FedoraIcon from "@patternfly/react-icons/dist/esm/icons/fedora-icon";
import LinuxIcon from "@patternfly/react-icons/dist/esm/icons/linux-icon";
import RedhatIcon from "@patternfly/react-icons/dist/esm/icons/redhat-icon";
import SuseIcon from "@patternfly/react-icons/dist/esm/icons/suse-icon";
import UbuntuIcon from "@patternfly/react-icons/dist/esm/icons/ubuntu-icon";
import WindowsIcon from "@patternfly/react-icons/dist/esm/icons/windows-icon";
import { type ComponentType, type RefObject, useEffect, useState } from "react";
import { hasConsole, pictureOf } from "../console";
import { Fault, type Entity } from "../lib/api";
import { t } from "../text";

const SIGNS: [RegExp, ComponentType][] = [
  [/^windows/, WindowsIcon], [/^(rhel|rhcos)/, RedhatIcon], [/ubuntu/, UbuntuIcon], [/(suse|sles)/, SuseIcon], [/fedora/, FedoraIcon], [/(linux|debian|centos|rocky|alma)/, LinuxIcon],
];

export const osOf = (vm: Entity) => String((vm.os as { type?: string } | undefined)?.type ?? "other");

/** What the guest says about itself, before what the VM was made for. */
export const systemOf = (vm: Entity) => {
  const said = vm.guest_operating_system as { distribution?: string; family?: string } | undefined;
  return said?.distribution || said?.family || "";
};

export function OsSign({ vm, className }: { vm: Entity; className?: string }) {
  const family = `${osOf(vm)} ${systemOf(vm)}`.toLowerCase();
  const Sign = SIGNS.find(([is]) => is.test(family))?.[1] ?? DesktopIcon;
  return (
    <span className={className} aria-hidden>
      <Sign />
    </span>
  );
}

/** Whether an element is, or was a moment ago, on the screen. */
export function useVisible(of: RefObject<HTMLElement | null>): boolean {
  const [isVisible, setVisible] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(([e]) => setVisible(e.isIntersecting), { rootMargin: "200px" });
    if (of.current) watcher.observe(of.current);
    return () => watcher.disconnect();
  }, [of]);
  return isVisible;
}

/** An address for a blob as long as it is shown. */
function useAddress(blob: Blob | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (!blob) return setAddress(undefined);
    const made = URL.createObjectURL(blob);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return address;
}

interface Props {
  vm: Entity;
  isVisible: boolean;
  everyMs: number;
  may?: Set<string>;
}

export function VmPicture({ vm, isVisible, everyMs, may }: Props) {
  const isOn = hasConsole(vm) && (may?.has("vm.ticket") ?? false);
  const { data } = useQuery({
    queryKey: ["picture", vm.id],
    queryFn: () => pictureOf(vm.id),
    enabled: isOn && isVisible,
    refetchInterval: (q) => (q.state.error instanceof Fault && q.state.error.status === 404 ? false : everyMs),
    retry: false,
    staleTime: everyMs / 2,
    gcTime: 60_000,
  });
  const address = useAddress(isOn ? data : undefined);
  return (
    <span className={`v-picture ${address ? "v-screen" : `v-sign v-sign-${hasConsole(vm) ? "on" : "off"}`}`}>
      {address ? <img src={address} alt={t("vmPortal.screenOf", { name: vm.name ?? "" })} /> : <OsSign vm={vm} />}
    </span>
  );
}
