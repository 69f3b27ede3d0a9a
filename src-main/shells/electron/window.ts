/** A window of the app. */
import { join } from 'node:path';
import { BrowserWindow, dialog, nativeTheme, screen } from 'electron';
import { address } from './our-page.ts';
import type { Settings, WindowState } from './settings.ts';

/** The colours that the page begins with: `--page` of src-renderer/theme.css. */
const background = { light: '#f4f5f7', dark: '#131417' } as const;

const ground = () => (nativeTheme.shouldUseDarkColors ? background.dark : background.light);

/** Windows keep the ground that their pages have, also when the system's colours change. To be called once. */
export function followTheme(): void {
  nativeTheme.on('updated', () => {
    for (const window of BrowserWindow.getAllWindows()) window.setBackgroundColor(ground());
  });
}

const usual = { width: 1440, height: 900 };

/** Pixels of a window that must lie on a screen, so that it can be seen and moved. */
const seen = 100;

/** Where a window was, if it can still be seen there: screens go. */
function placeOf(state: WindowState | null): Partial<WindowState> {
  if (state === null) return usual;
  const { x, y, width, height } = state;
  const isSeen = screen.getAllDisplays().some(({ workArea: area }) => {
    const across = Math.min(x + width, area.x + area.width) - Math.max(x, area.x);
    return across >= seen && y >= area.y - seen / 2 && y <= area.y + area.height - seen;
  });
  return isSeen ? { x, y, width, height } : { width, height };
}

/** Opens a window as the last one was. It is shown when there is something to see, and its ground has the page's colour until then. */
export function openWindow(settings: Settings): BrowserWindow {
  const { window: state } = settings.content;
  const window = new BrowserWindow({
    ...placeOf(state),
    minWidth: 760,
    minHeight: 480,
    show: false,
    title: 'Ganvas',
    backgroundColor: ground(),
    webPreferences: { preload: join(import.meta.dirname, '..', 'preload', 'preload.cjs') },
  });
  window.once('ready-to-show', () => {
    if (state?.maximized === true) window.maximize();
    if (state?.fullScreen === true) window.setFullScreen(true);
    window.show();
  });
  window.on('close', () => {
    const maximized = window.isMaximized();
    const fullScreen = window.isFullScreen();
    settings.change({ window: { ...window.getNormalBounds(), maximized, fullScreen } });
  });
  window.webContents.on('render-process-gone', (_, { reason }) => {
    if (reason !== 'clean-exit') void offerReload(window);
  });
  void window.loadURL(address);
  return window;
}

/** The page's process has died. The core and what trains are processes of their own. */
async function offerReload(window: BrowserWindow): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: 'This window has stopped working.',
    detail:
      'Nothing is lost: what trains goes on, and every edit was saved. Loading the window again shows it.',
    buttons: ['Load Again', 'Close Window'],
    defaultId: 0,
    cancelId: 1,
  });
  if (window.isDestroyed()) return;
  if (response === 0) window.reload();
  else window.close();
}

/** Brings a window to the front, whatever hides it. */
export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
