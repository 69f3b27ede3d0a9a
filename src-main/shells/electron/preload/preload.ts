/** Runs in the window before its page, apart from it. The page gets these few functions, and never an object of Electron. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Desktop } from '../../../../src-shared/desktop.ts';
import { portMessage } from '../../../../src-shared/desktop.ts';
import { channels } from '../channels.ts';

contextBridge.exposeInMainWorld('desktop', {
  connect() {
    ipcRenderer.send(channels.connect);
  },
  // Throws for what is no file.
  pathOf: async (file) => webUtils.getPathForFile(file as File),
} satisfies Desktop);

// A port cannot pass the bridge, but messages of the window carry it over.
ipcRenderer.on(channels.port, ({ ports }) => {
  window.postMessage(portMessage, window.location.origin, ports);
});
