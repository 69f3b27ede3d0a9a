/** What no page of the app may do, whatever it shows: leave, open windows, ask for devices, load from elsewhere. */
import type { WebContents } from 'electron';
import { app, session } from 'electron';
import { isOurs, openLink } from './our-page.ts';

/** Schemes of what the page has made itself, and of Chromium's own tools for developers. */
const inside = ['blob:', 'data:', 'devtools:'];

/** To be called when the app is ready, before there is a window. */
export function confine(): void {
  app.on('web-contents-created', (_, contents) => confineContents(contents));
  const { defaultSession } = session;
  // Chromium would fetch dictionaries from Google, by requests that no handler below sees.
  defaultSession.setSpellCheckerEnabled(false);
  // To put text on the clipboard, as the page does with blocks and code; nothing else needs a permission.
  const mayDo = (contents: WebContents | null, permission: string) =>
    permission === 'clipboard-sanitized-write' && contents !== null && isOurs(contents.getURL());
  defaultSession.setPermissionRequestHandler((contents, permission, callback) =>
    callback(mayDo(contents, permission)),
  );
  defaultSession.setPermissionCheckHandler((contents, permission) => mayDo(contents, permission));
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.webRequest.onBeforeRequest(({ url }, callback) => {
    const allowed = isOurs(url) || inside.includes(URL.parse(url)?.protocol ?? '');
    callback({ cancel: !allowed });
  });
}

function confineContents(contents: WebContents): void {
  contents.setWindowOpenHandler(({ url }) => {
    openLink(url);
    return { action: 'deny' };
  });
  const stay = (event: { url: string; preventDefault: () => void }) => {
    if (!isOurs(event.url)) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
}
