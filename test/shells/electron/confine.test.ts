/** What the page's policy or Chromium hides from stories: that Electron is told to refuse it as well. */
import { EventEmitter } from 'node:events';
import { beforeEach, expect, test, vi } from 'vitest';
import { confine } from '../../../src-main/shells/electron/confine.ts';

type Check = (contents: { getURL: () => string } | null, permission: string) => boolean;
type BeforeRequest = (details: { url: string }, callback: (response: { cancel: boolean }) => void) => void;

const electron = vi.hoisted(() => ({
  app: { on: vi.fn<(event: string, listener: (event: object, contents: object) => void) => void>() },
  shell: { openExternal: vi.fn() },
  session: {
    defaultSession: {
      setSpellCheckerEnabled: vi.fn<(enabled: boolean) => void>(),
      setPermissionRequestHandler: vi.fn(),
      setPermissionCheckHandler: vi.fn<(check: Check) => void>(),
      setDevicePermissionHandler: vi.fn<(handler: () => boolean) => void>(),
      webRequest: { onBeforeRequest: vi.fn<(listener: BeforeRequest) => void>() },
    },
  },
}));
vi.mock('electron', () => electron);
const { defaultSession } = electron.session;

beforeEach(() => {
  vi.clearAllMocks();
  confine();
});

test.each([
  ['app://gan/assets/index.js', false],
  ['blob:app://gan/1', false],
  ['data:image/png;base64,AA', false],
  ['https://evil.test/', true],
  ['http://127.0.0.1:4280/', true],
  ['ws://127.0.0.1/', true],
  ['file:///etc/hosts', true],
  ['app://evil/', true],
  ['ftp://evil.test/', true],
  ['not an address', true],
])('a request for %s is cancelled: %s', (url, cancel) => {
  const callback = vi.fn();
  defaultSession.webRequest.onBeforeRequest.mock.calls[0]![0]({ url }, callback);
  expect(callback.mock.calls).toEqual([[{ cancel }]]);
});

test('devices are refused, and nobody is asked for dictionaries', () => {
  expect(defaultSession.setDevicePermissionHandler.mock.calls[0]![0]()).toBe(false);
  expect(defaultSession.setSpellCheckerEnabled.mock.calls).toEqual([[false]]);
});

test.each([
  ['clipboard-sanitized-write', 'app://gan/', true],
  ['clipboard-sanitized-write', 'https://evil.test/', false],
  ...['clipboard-read', 'media', 'hid', 'serial', 'usb', 'fullscreen', 'openExternal', 'fileSystem'].map(
    (name) => [name, 'app://gan/', false] as const,
  ),
] as const)('the permission %s of %s: %s', (permission, url, granted) => {
  const check = defaultSession.setPermissionCheckHandler.mock.calls[0]![0];
  expect(check({ getURL: () => url }, permission)).toBe(granted);
  expect(check(null, permission)).toBe(false);
});

test('no page attaches a webview, leaves, or opens a window', () => {
  const [event, made] = electron.app.on.mock.calls[0]!;
  expect(event).toBe('web-contents-created');
  const open = vi.fn<(handler: (opening: { url: string }) => object) => void>();
  const contents = Object.assign(new EventEmitter(), { setWindowOpenHandler: open });
  made({}, contents);
  const prevented = (name: string, url: string) => {
    const preventDefault = vi.fn();
    contents.emit(name, { url, preventDefault });
    return preventDefault.mock.calls.length > 0;
  };
  expect(prevented('will-attach-webview', 'app://gan/')).toBe(true);
  for (const name of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
    expect(prevented(name, 'https://evil.test/')).toBe(true);
    expect(prevented(name, 'app://gan/')).toBe(false);
  }
  expect(open.mock.calls[0]![0]({ url: 'https://evil.test/' })).toEqual({ action: 'deny' });
  expect(electron.shell.openExternal).not.toHaveBeenCalled();
});
