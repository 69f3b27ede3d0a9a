import type { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { channels } from '../../../src-main/shells/electron/channels.ts';
import { acceptConnections } from '../../../src-main/shells/electron/connections.ts';
import { address } from '../../../src-main/shells/electron/our-page.ts';
import type { Port } from '../../../src-shared/rpc.ts';

const electron = vi.hoisted((): { window: object; ipc?: EventEmitter } => ({ window: { its: 'window' } }));
vi.mock('electron', async () => {
  const { EventEmitter: Emitter } = await import('node:events');
  const { MessageChannelMain } = await import('../../desktop/electron/ports.ts');
  electron.ipc = new Emitter();
  return {
    ipcMain: electron.ipc,
    MessageChannelMain,
    BrowserWindow: { fromWebContents: (sender: unknown) => (sender === 'stranger' ? null : electron.window) },
    shell: {},
  };
});

test('a port is handed to our page alone, and its messages are heard', async () => {
  const ports: Port[] = [];
  acceptConnections((port, window) => {
    expect(window).toBe(electron.window);
    ports.push(port);
  });
  const posted: { on: EventEmitter['on']; postMessage: (message: string) => void }[] = [];
  const frame = {
    url: address,
    parent: null as object | null,
    isDestroyed: () => false,
    postMessage: (channel: string, _: null, [port]: typeof posted) => {
      expect(channel).toBe(channels.port);
      posted.push(port!);
    },
  };
  const ask = (senderFrame: object | null, sender: unknown = {}) =>
    electron.ipc?.emit(channels.connect, { sender, senderFrame });
  ask({ ...frame, url: 'https://evil.test/' });
  ask({ ...frame, parent: frame });
  ask({ ...frame, isDestroyed: () => true });
  ask(null);
  ask(frame, 'stranger');
  expect(ports).toEqual([]);
  ask(frame);
  expect(ports).toHaveLength(1);
  const heard = new Promise((resolve) => ports[0]!.onMessage(resolve));
  posted[0]!.postMessage('hello');
  expect(await heard).toBe('hello');
});
