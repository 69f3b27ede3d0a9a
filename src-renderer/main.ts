import { mount } from 'svelte';
import type { Desktop } from '../src-shared/desktop.ts';
import './theme.css';
import App from './App.svelte';
import { openPort } from './port.ts';
import { ApiClient } from './state/api-client.svelte.ts';
import { Intake } from './state/intake.svelte.ts';
import { send } from './state/send.ts';
import { Studio } from './state/studio.svelte.ts';

declare global {
  interface Window {
    /** There in the desktop app only. */
    readonly desktop?: Desktop;
  }
}

const windowName = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join(
  '',
);
const studio = new Studio(new ApiClient(() => openPort(window.desktop)), window, windowName);

mount(App, {
  target: document.body,
  props: { studio, intake: new Intake(studio, send, window, window.desktop) },
});
