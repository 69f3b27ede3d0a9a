import { mount } from 'svelte';
import './theme.css';
import App from './App.svelte';
import { openPort } from './port.ts';
import { ApiClient } from './state/api-client.svelte.ts';
import { Intake } from './state/intake.svelte.ts';
import { send } from './state/send.ts';
import { Studio } from './state/studio.svelte.ts';

const windowName = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join(
  '',
);
const studio = new Studio(new ApiClient(openPort), window, windowName);

mount(App, { target: document.body, props: { studio, intake: new Intake(studio, send) } });
