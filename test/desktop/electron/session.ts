import { EventEmitter } from 'node:events';
import type { BrowserContext } from '@playwright/test';
import { chromiumUrl } from './chromium.ts';

interface Asker {
  getURL(): string;
}
type Check = (contents: Asker | null, permission: string, origin: string, details: object) => boolean;
type Request = (
  contents: Asker,
  permission: string,
  callback: (granted: boolean) => void,
  details: object,
) => void;
type BeforeRequest = (details: { url: string }, callback: (response: { cancel?: boolean }) => void) => void;

/** Chromium's names of what Electron calls otherwise. */
const permissions: Readonly<Record<string, string>> = {
  camera: 'media',
  microphone: 'media',
  geolocation: 'geolocation',
  notifications: 'notifications',
  'clipboard-read': 'clipboard-read',
  'clipboard-write': 'clipboard-sanitized-write',
  midi: 'midi',
};

class Session extends EventEmitter {
  // Without handlers Electron grants everything.
  #check: Check = () => true;
  #request: Request = (_, __, callback) => callback(true);
  #beforeRequest: BeforeRequest = (_, callback) => callback({});
  readonly webRequest = {
    onBeforeRequest: (listener: BeforeRequest) => {
      this.#beforeRequest = listener;
    },
  };
  setPermissionRequestHandler(handler: Request): void {
    this.#request = handler;
  }
  setPermissionCheckHandler(handler: Check): void {
    this.#check = handler;
  }
  #spelling = true;
  setSpellCheckerEnabled(enabled: boolean): void {
    this.#spelling = enabled;
  }
  isSpellCheckerEnabled(): boolean {
    return this.#spelling;
  }
  setDevicePermissionHandler(): void {
    this.emit('device-permission-handler');
  }

  allows(url: string): boolean {
    const answers: boolean[] = [];
    this.#beforeRequest({ url }, ({ cancel }) => answers.push(cancel === true));
    return answers[0] === false;
  }

  /** Gives Chromium the permissions that the handlers give the page. */
  async grant(context: BrowserContext, page: string): Promise<void> {
    const asker = { getURL: () => page };
    const granted = Object.entries(permissions).filter(([, name]) => {
      const answers: boolean[] = [];
      this.#request(asker, name, (answer) => answers.push(answer), {});
      return answers[0] === true && this.#check(asker, name, page, {});
    });
    await context.grantPermissions(
      granted.map(([name]) => name),
      { origin: new URL(chromiumUrl(page)).origin },
    );
  }
}

export const session = { defaultSession: new Session() };
