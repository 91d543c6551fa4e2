// SPDX-License-Identifier: Apache-2.0
// Parts of a page whose code is fetched by itself. Where a part has to be waited for, React shows what stands for it for 300 ms at least; a part
// whose code has come is drawn at once.
import { type ComponentType, lazy, useState } from "react";

export type Later<P> = ComponentType<P> & {
  /** Has the code come, so that it need not be waited for later. */
  fetch: () => void;
};

export function later<P extends object>(load: () => Promise<ComponentType<P>>): Later<P> {
  let code: ComponentType<P> | undefined;
  const come = async () => (code = await load());
  const Waited = lazy(async () => ({ default: await come() }));
  const Part = (props: P) => {
    const [Shown] = useState<ComponentType<P>>(() => code ?? (Waited as unknown as ComponentType<P>));
    return <Shown {...props} />;
  };
  // what cannot be fetched now is fetched, and told of, when it is to be drawn
  return Object.assign(Part, { fetch: () => void come().catch(() => undefined) });
}
