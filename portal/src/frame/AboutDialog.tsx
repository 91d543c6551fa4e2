// SPDX-License-Identifier: Apache-2.0
import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { get, type Entity } from "../lib/api";
import { copy } from "../lib/copy";
import { t } from "../text";
import { Logo } from "./Logo";

interface Version {
  full_version?: string;
  major?: number;
  minor?: number;
  build?: number;
  revision?: number;
}

const versionText = (v: Version | undefined) => v?.full_version ?? [v?.major, v?.minor, v?.build].filter((n) => n !== undefined).join(".");

/** What runs here, in which version. */
export function AboutDialog({ onClose }: { onClose: () => void }) {
  const { data, error } = useQuery({ queryKey: ["one", ""], queryFn: () => get("api", ""), staleTime: Infinity });
  const product = data?.product_info as Entity | undefined;
  // "4.5.6-hostler-0.1.0": whose API it speaks, and its own
  const [api, own] = versionText(product?.version as Version | undefined).split("-hostler-");
  const facts: [string, string | undefined][] = product
    ? [
        [t("frame.aboutVersion"), own],
        [t("frame.aboutApi"), `${product.name ?? ""} ${api}`],
        [t("frame.aboutManager"), window.location.host],
        [t("frame.aboutInstance"), String(product.instance_id ?? "")],
        [t("frame.aboutBrowser"), navigator.userAgent],
      ]
    : [];
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="about-title">
      <ModalHeader title={t("frame.about")} labelId="about-title" />
      <ModalBody className="h-about">
        <Logo />
        <p>{t("frame.aboutWhat")}</p>
        {error && <p className="h-job-error">{error.message}</p>}
        <dl>
          {facts
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
        </dl>
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t("frame.close")}</Button>
        <Button variant="link" isDisabled={!facts.length} onClick={() => void copy(facts.map((f) => f.join(": ")).join("\n"))}>
          {t("frame.copyDetails")}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
