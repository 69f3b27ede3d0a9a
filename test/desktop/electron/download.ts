import { EventEmitter } from 'node:events';
import type { Download } from '@playwright/test';
import { electronUrl } from './chromium.ts';
import { dialog } from './system.ts';
import type { WebContents } from './window.ts';

interface SaveOptions {
  title?: string;
  defaultPath?: string;
}

/** Where the app names no path, the system's dialog asks for one. */
export async function saveDownload(download: Download, contents: WebContents): Promise<void> {
  let options: SaveOptions = {};
  let path = '';
  const item = Object.assign(new EventEmitter(), {
    getFilename: () => download.suggestedFilename(),
    getURL: () => electronUrl(download.url()),
    setSaveDialogOptions: (given: SaveOptions) => (options = given),
    setSavePath: (given: string) => (path = given),
  });
  contents.session.emit('will-download', {}, item, contents);
  if (path === '') path = (await dialog.showSaveDialog(options)).filePath;
  if (path === '') await download.cancel();
  else await download.saveAs(path);
  item.emit('done', {}, path === '' ? 'cancelled' : 'completed');
}
