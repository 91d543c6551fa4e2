// SPDX-License-Identifier: Apache-2.0
// What the console pages use of two libraries that bring no types.

declare module "@novnc/novnc" {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: WebSocket | string, options?: { shared?: boolean; credentials?: { password?: string; username?: string } });
    viewOnly: boolean;
    scaleViewport: boolean;
    resizeSession: boolean;
    clipViewport: boolean;
    focusOnClick: boolean;
    background: string;
    disconnect(): void;
    focus(): void;
    blur(): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    clipboardPasteFrom(text: string): void;
    toBlob(callback: (picture: Blob | null) => void, type?: string): void;
  }
}

declare module "@spice-project/spice-html5/src/main.js" {
  interface SpiceChannel {
    state: string;
    send_msg(message: unknown): void;
  }
  export class SpiceMainConn {
    constructor(options: {
      uri: string;
      password: string;
      screen_id: string;
      onerror?: (e: Error) => void;
      onsuccess?: (message: string) => void;
      onagent?: (connection: SpiceMainConn) => void;
    });
    ws?: WebSocket;
    inputs?: SpiceChannel;
    resize_window(flags: number, width: number, height: number, depth: number, x: number, y: number): void;
    stop(): void;
  }
}

declare module "@spice-project/spice-html5/src/spicemsg.js" {
  export class SpiceMiniData {
    build_msg(type: number, message: unknown): void;
  }
  export class SpiceMsgcKeyDown {
    code: number;
  }
  export class SpiceMsgcKeyUp {
    code: number;
  }
}

declare module "@spice-project/spice-html5/src/enums.js" {
  export const Constants: Record<string, number>;
}
