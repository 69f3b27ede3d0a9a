/** Connects pages of windows to the core. */
import { BrowserWindow, ipcMain, MessageChannelMain } from 'electron';
import type { Port } from '../../../src-shared/rpc.ts';
import { channels } from './channels.ts';
import { messagePort } from './message-port.ts';
import { isOurPage } from './our-page.ts';

/** Hands a port to every page of ours that asks for one: who has a port has been checked, and nobody else gets it. */
export function acceptConnections(connect: (port: Port, window: BrowserWindow) => void): void {
  ipcMain.on(channels.connect, ({ sender, senderFrame }) => {
    const window = BrowserWindow.fromWebContents(sender);
    if (window === null || senderFrame === null || !isOurPage(senderFrame)) return;
    const { port1, port2 } = new MessageChannelMain();
    connect(messagePort(port1), window);
    senderFrame.postMessage(channels.port, null, [port2]);
  });
}
