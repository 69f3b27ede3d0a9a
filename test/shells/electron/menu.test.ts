import { expect, test, vi } from 'vitest';
import type { MenuContent } from '../../../src-main/shells/electron/menu.ts';
import { menuTemplate } from '../../../src-main/shells/electron/menu.ts';

vi.mock('electron', () => ({ shell: {}, Menu: {} }));

type Item = ReturnType<typeof menuTemplate>[number];

const content = (platform: NodeJS.Platform): MenuContent => ({
  platform,
  recent: [{ id: 'x1', name: 'Cats & dogs' }],
  ask: vi.fn(),
  newWindow: vi.fn(),
  chooseLibrary: vi.fn(),
  showLibrary: vi.fn(),
  updates: null,
});

function all(template: readonly Item[]): Item[] {
  return template.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? all(item.submenu) : [])]);
}
const roles = (template: readonly Item[]) => all(template).flatMap(({ role }) => role ?? []);

test.each(['linux', 'win32', 'darwin'] as const)('on %s every shortcut has one meaning', (platform) => {
  const shortcuts = all(menuTemplate(content(platform))).flatMap(({ accelerator }) => accelerator ?? []);
  expect(shortcuts.length).toBeGreaterThan(8);
  expect(new Set(shortcuts).size).toBe(shortcuts.length);
});

test('a Mac has its application menu and closes windows; others quit from the file menu', () => {
  const mac = roles(menuTemplate(content('darwin')));
  expect(mac[0]).toBe('appMenu');
  expect(mac).toContain('close');
  expect(mac).not.toContain('quit');
  const linux = roles(menuTemplate(content('linux')));
  expect(linux).toContain('quit');
  expect(linux).not.toContain('appMenu');
});

test('entries ask the page for what they say', () => {
  const given = content('linux');
  const items = all(menuTemplate(given));
  const click = (id: string) => {
    const item = items.find((one) => one.id === id);
    // Electron gives it the item, the window and the event; none is used.
    (item?.click as (() => void) | undefined)?.();
  };
  click('place-Train');
  click('recent-x1');
  click('save-file');
  expect(vi.mocked(given.ask).mock.calls).toEqual([
    [{ place: 'Train' }],
    [{ place: 'Design', experiment: 'x1' }],
    ['save-file'],
  ]);
  expect(items.find(({ id }) => id === 'recent-x1')?.label).toBe('Cats && dogs');
});

test('Help has updates where the app looks for them, and only there', () => {
  const click = vi.fn();
  const entry = { label: 'Check for Updates…', enabled: true, click };
  const find = (given: MenuContent) => all(menuTemplate(given)).find(({ id }) => id === 'updates');
  expect(find(content('darwin'))).toBeUndefined();
  expect(find({ ...content('darwin'), updates: entry })).toEqual({ id: 'updates', ...entry });
});
