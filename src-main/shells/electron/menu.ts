/** The application's menu, as each platform has it. */
import type { MenuItemConstructorOptions } from 'electron';
import { Menu } from 'electron';
import type { Wish } from '../../../src-shared/api.ts';
import { links, openLink } from './our-page.ts';
import type { UpdateEntry } from './updates.ts';

/** What the menu has to show and can do. */
export interface MenuContent {
  platform: NodeJS.Platform;
  /** Experiments, the last changed first. */
  recent: readonly { id: string; name: string }[];
  /** Asks the page of the window in front, or a new window's. */
  ask: (wish: Wish) => void;
  newWindow: () => void;
  chooseLibrary: () => void;
  showLibrary: () => void;
  /** Null where the app does not look for new versions. */
  updates: UpdateEntry | null;
}

const places = ['Data', 'Design', 'Train', 'Explore', 'Library'] as const;

/** An ampersand would underline what follows it. */
const plain = (name: string) => name.replaceAll('&', '&&');

export function menuTemplate(content: MenuContent): MenuItemConstructorOptions[] {
  const { platform, recent, ask, newWindow, chooseLibrary, showLibrary, updates } = content;
  const mac = platform === 'darwin';
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const file: MenuItemConstructorOptions[] = [
    {
      id: 'new-experiment',
      label: 'New Experiment',
      accelerator: 'CmdOrCtrl+N',
      click: () => ask('new-experiment'),
    },
    { id: 'new-window', label: 'New Window', accelerator: 'CmdOrCtrl+Shift+N', click: newWindow },
    separator,
    {
      id: 'open-file',
      label: 'Open Experiment File…',
      accelerator: 'CmdOrCtrl+O',
      click: () => ask('open-file'),
    },
    {
      id: 'recent',
      label: 'Recent Experiments',
      enabled: recent.length > 0,
      submenu: recent.map(({ id, name }) => ({
        id: `recent-${id}`,
        label: plain(name),
        click: () => ask({ place: 'Design', experiment: id }),
      })),
    },
    {
      id: 'save-file',
      label: 'Save Experiment as File…',
      accelerator: 'CmdOrCtrl+Shift+S',
      click: () => ask('save-file'),
    },
    separator,
    { id: 'choose-library', label: 'Choose Library Folder…', click: chooseLibrary },
    { id: 'show-library', label: 'Show Library Folder', click: showLibrary },
    separator,
    mac ? { role: 'close' } : { role: 'quit' },
  ];
  const go: MenuItemConstructorOptions[] = places.map((place, index) => ({
    id: `place-${place}`,
    label: place,
    accelerator: `CmdOrCtrl+${index + 1}`,
    click: () => ask({ place }),
  }));
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    separator,
    { role: 'togglefullscreen' },
    { role: 'toggleDevTools' },
  ];
  const help: MenuItemConstructorOptions[] = [
    ...(updates === null ? [] : [{ id: 'updates', ...updates }, separator]),
    { id: 'electron', label: 'About Electron', click: () => void openLink(links.electron) },
    ...(mac ? [] : [separator, { role: 'about' } as const]),
  ];
  return [
    ...(mac ? [{ role: 'appMenu' } as const] : []),
    { label: '&File', submenu: file },
    { role: 'editMenu' },
    { label: '&Go', submenu: go },
    { label: '&View', submenu: view },
    { role: 'windowMenu' },
    { role: 'help', submenu: help },
  ];
}

/** Keeps the application's menu as its content is; the same content again costs nothing. */
export class ApplicationMenu {
  #shown = '';

  show(content: MenuContent): void {
    const telling = JSON.stringify([content.recent, content.updates]);
    if (telling === this.#shown) return;
    this.#shown = telling;
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(content)));
  }
}
