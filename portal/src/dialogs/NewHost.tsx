// SPDX-License-Identifier: Apache-2.0
// A host that is paired by a code. The form stays until it is known whether it worked: what was typed can be corrected, and tried again.
import { Alert, Spinner } from "@patternfly/react-core";
import { useEffect, useRef, useState } from "react";
import { act, add, type Entity, get, update, wireFrom } from "../lib/api";
import { t } from "../text";
import { lower } from "../ui/EntityForm";
import { useChange } from "../ui/queries";
import { FormModal } from "./form/FormModal";
import { faultFields, type Spec } from "./form/model";
import { operationOf, useForm } from "./form/useForm";
import type { DialogProps } from "./index";
import { shownBody } from "./secrets";
import { host } from "./specs";
import { until } from "./steps";

const CODE = "root_password";

/** Until the host has its certificate, or it is clear that it gets none; why. */
async function pairing(id: string, signal: AbortSignal): Promise<string | undefined> {
  let now: Entity | undefined;
  await until(async () => (now = await get("host", `hosts/${id}`)).status !== "installing", signal);
  return now?.status === "install_failed" ? String(now.status_detail ?? t("dialogs.host.failed")) : undefined;
}

export default function NewHost({ page, path, onClose }: DialogProps) {
  const cluster = path.startsWith("clusters/") ? path.split("/")[1] : undefined;
  const [spec] = useState<Spec>(() => (cluster ? { ...host, begin: () => ({ cluster: { id: cluster } }) } : host));
  const form = useForm(spec, undefined, operationOf("hosts", false));
  const [made, setMade] = useState<Entity>();
  const [fault, setFault] = useState<string>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const save = useChange(async () => {
    const { root_password: code, ...rest } = form.body;
    let one = made;
    if (!one) setMade((one = await add("host", "hosts", form.body)));
    else {
      await update("host", `hosts/${one.id}`, rest);
      await act(`hosts/${one.id}`, "install", { [CODE]: code });
    }
    return pairing(one.id, stop.current.signal);
  });
  const submit = () => {
    setFault(undefined);
    save.mutate(undefined, {
      onSuccess: (why) => {
        if (why === undefined) return onClose(); // that the job is done is told by itself
        setFault(`${why as string}\n${t("dialogs.host.failed")}`);
      },
      onError: (e) => {
        if (stop.current.signal.aborted) return;
        const found = faultFields("host", e, form.fields);
        form.setFaults(found.at);
        setFault(found.rest || t("dialogs.refused.fields"));
      },
    });
  };
  return (
    <FormModal title={t("dialogs.new.title", { what: lower(page.one) })} form={form} submit={t("dialogs.host.make")} intro={spec.intro?.(form.values)} fault={fault} isBusy={save.isPending}
      below={save.isPending ? <Alert component="p" variant="info" isInline customIcon={<Spinner size="md" aria-hidden />} title={t("dialogs.host.pairing")} /> : undefined}
      equivalents={{ method: "POST", path: "hosts", body: shownBody(wireFrom("host", form.body)) }} onSubmit={submit} onClose={onClose} />
  );
}
