// SPDX-License-Identifier: Apache-2.0
// The user's own SSH keys: new VMs that cloud-init sets up get them.
import { Card, CardBody, CardTitle } from "@patternfly/react-core";
import { add, list, remove, type Entity } from "../lib/api";
import { t } from "../text";
import { useList, useMe } from "../ui/queries";
import { ask } from "./editing";
import { PartTable, sure } from "./PartTable";

/** One line of an authorized_keys file. */
const KEY: [RegExp, string] = [/^\s*(ssh-|ecdsa-|sk-)[\w@.\-]+ [A-Za-z0-9+/]{16,}={0,3}( [^\n]*)?\s*$/, t("vmPortal.key.wrong")];

const pathOf = (user: string) => `users/${user}/sshpublickeys`;

/** All of them, as in an authorized_keys file. */
export const ownKeys = async (user: string): Promise<string> => (await list("ssh_public_key", pathOf(user))).map((k) => String(k.content ?? "").trim()).join("\n");

const addKey = (user: string) =>
  ask({
    title: t("vmPortal.key.add"),
    description: t("vmPortal.key.where"),
    button: t("vmPortal.key.add"),
    fields: [{ name: "content", label: t("vmPortal.key"), kind: "area", isRequired: true, pattern: KEY, hint: t("vmPortal.key.example") }],
    onSave: (v) => add("ssh_public_key", pathOf(user), { content: v.content.trim() }),
  });

/** Type, the ends of what nobody reads, and the comment. */
function short(key: Entity): { type: string; end: string; comment: string } {
  const [type = "", body = "", ...comment] = String(key.content ?? "").trim().split(/\s+/);
  return { type, end: body.slice(-16), comment: comment.join(" ") };
}

function Keys({ user }: { user: string }) {
  const { data, error } = useList("ssh_public_key", pathOf(user));
  return (
    <PartTable
      label={t("vmPortal.keys")}
      named={(k) => short(k).comment || `…${short(k).end}`}
      rows={data}
      error={error}
      empty={t("vmPortal.key.none")}
      onAdd={() => addKey(user)}
      addLabel={t("vmPortal.key.add")}
      columns={[
        { label: t("vmPortal.key.comment"), cell: (k) => short(k).comment },
        { label: t("vmPortal.nic.type"), cell: (k) => short(k).type },
        { label: t("vmPortal.key.end"), cell: (k) => <code className="v-id">…{short(k).end}</code> },
      ]}
      actions={(k) => [
        {
          label: t("vmPortal.remove"),
          isDanger: true,
          run: () => sure(t("vmPortal.key.removeOf", { name: short(k).comment || `…${short(k).end}` }), t("vmPortal.key.removeHint"), t("vmPortal.remove"), () => remove(`${pathOf(user)}/${k.id}`)),
        },
      ]}
    />
  );
}

export function SshKeys() {
  const me = useMe();
  return (
    <Card className="v-gap">
      <CardTitle component="h2">{t("vmPortal.keys")}</CardTitle>
      <CardBody>
        <p className="v-quiet">{t("vmPortal.keys.hint")}</p>
        <div className="v-gap">{me && <Keys user={me.id} />}</div>
      </CardBody>
    </Card>
  );
}
