/**
 * The renderer's half: the preload script of each document, run in Node, and what joins it to the page in Chromium. The page gets the
 * functions that the script exposes; files that they are given are known by their paths, ports by numbers.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';
import type { CDPSession } from '@playwright/test';
import { electronUrl } from './chromium.ts';
import { ipcMain } from './ipc-main.ts';
import type { MessagePortMain } from './ports.ts';

/** Modules that a sandboxed preload script may require beside `electron`. */
const allowed = ['events', 'timers', 'url'];

type Exposed = Map<string, Record<string, (...args: unknown[]) => unknown>>;

/** A file of the page: the script may only ask for its path. */
class FileOfPage {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

/** One document: its script's own world. */
class World {
  readonly exposed: Exposed = new Map();
  readonly ipcRenderer = new EventEmitter();

  constructor(script: string, send: (channel: string, args: unknown[]) => void, window: object) {
    const ipcRenderer = Object.assign(this.ipcRenderer, {
      send: (channel: string, ...args: unknown[]) => send(channel, args),
    });
    const electron = {
      contextBridge: {
        exposeInMainWorld: (key: string, api: Record<string, (...args: unknown[]) => unknown>) =>
          this.exposed.set(key, api),
      },
      ipcRenderer,
      webUtils: {
        getPathForFile(file: unknown) {
          if (file instanceof FileOfPage) return file.path;
          throw new TypeError('getPathForFile takes a File');
        },
      },
    };
    const require = (name: string): unknown => {
      if (name === 'electron') return electron;
      if (allowed.includes(name)) return createRequire(import.meta.url)(name);
      throw new Error(`module not found: ${name}`);
    };
    const exports = {};
    const run = runInNewContext(`(function (require, exports, module) { ${script}\n})`, { window }) as (
      ...globals: unknown[]
    ) => void;
    run(require, exports, { exports });
  }
}

/** In the page, before its own scripts. */
function inPage(exposed: [key: string, names: string[]][]): void {
  if (window.top !== window) return;
  const page = window as unknown as Record<string, unknown>;
  const tell = page['__toPreload'] as (text: string) => void;
  const say = (message: object) => tell(JSON.stringify(message));
  const files: File[] = [];
  const answers = new Map<number, PromiseWithResolvers<unknown>>();
  const ports = new Map<number, MessagePort>();
  for (const [key, names] of exposed) {
    const api = names.map((name) => [
      name,
      (...args: unknown[]) => {
        const id = answers.size;
        const answer = Promise.withResolvers<unknown>();
        answers.set(id, answer);
        const sent = args.map((arg) =>
          arg instanceof File ? { file: files.push(arg) - 1 } : { value: arg },
        );
        say({ type: 'call', id, key, name, args: sent });
        return answer.promise;
      },
    ]);
    page[key] = Object.freeze(Object.fromEntries(api));
  }
  page['__fromPreload'] = {
    file: (index: number) => files[index],
    answer: (id: number, result: unknown, error: string | null) =>
      error === null ? answers.get(id)?.resolve(result) : answers.get(id)?.reject(new Error(error)),
    open(id: number, message: unknown) {
      const { port1, port2 } = new MessageChannel();
      ports.set(id, port1);
      port1.addEventListener('message', ({ data }) => say({ type: 'port', id, data }));
      port1.addEventListener('close', () => say({ type: 'closed', id }));
      port1.start();
      window.postMessage(message, window.location.origin, [port2]);
    },
    post: (id: number, data: unknown) => ports.get(id)?.postMessage(data),
  };
  say({ type: 'document' });
}

type Told =
  | { type: 'document' }
  | { type: 'call'; id: number; key: string; name: string; args: ({ file: number } | { value: unknown })[] }
  | { type: 'port'; id: number; data: unknown }
  | { type: 'closed'; id: number };

export interface RendererOptions {
  devtools: CDPSession;
  /** Path of the preload script. */
  preload: string;
  /** Sender and frame of what the script sends. */
  from: () => { sender: object; senderFrame: object };
  url: () => string;
}

export class Renderer {
  readonly #options: RendererOptions;
  readonly #script: string;
  #world: World;
  #ports = new Map<number, MessagePortMain>();
  #nextPort = 0;

  constructor(options: RendererOptions) {
    this.#options = options;
    this.#script = readFileSync(options.preload, 'utf8');
    this.#world = this.#newWorld();
  }

  /** To be called once, before the first document. */
  async attach(): Promise<void> {
    const { devtools } = this.#options;
    devtools.on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name === '__toPreload') void this.#hear(JSON.parse(payload) as Told);
    });
    await devtools.send('Runtime.enable');
    await devtools.send('Page.enable');
    await devtools.send('Runtime.addBinding', { name: '__toPreload' });
    const exposed = [...this.#world.exposed].map(([key, api]) => [key, Object.keys(api)]);
    await devtools.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(${inPage.toString()})(${JSON.stringify(exposed)})`,
    });
  }

  /** A message of the main process, with ports. */
  post(channel: string, message: unknown, transfer: MessagePortMain[]): void {
    this.#world.ipcRenderer.emit(channel, { ports: transfer, sender: this.#world.ipcRenderer }, message);
  }

  /** The document is gone, and with it its ends of ports. */
  end(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }

  #newWorld(): World {
    const send = (channel: string, args: unknown[]) =>
      setImmediate(() => ipcMain.emit(channel, this.#options.from(), ...args));
    const { url } = this.#options;
    return new World(this.#script, send, {
      location: {
        get origin() {
          return originOf(url());
        },
      },
      postMessage: (message: unknown, target: string, ports: MessagePortMain[] = []) => {
        if (target !== originOf(url())) return;
        for (const port of ports) this.#open(port, message);
      },
    });
  }

  #open(port: MessagePortMain, message: unknown): void {
    const id = this.#nextPort;
    this.#nextPort += 1;
    this.#ports.set(id, port);
    port.on('message', ({ data }: { data: unknown }) => this.#run('post', id, data));
    this.#run('open', id, message);
    port.start();
  }

  async #hear(told: Told): Promise<void> {
    switch (told.type) {
      case 'document':
        this.end();
        this.#world = this.#newWorld();
        return;
      case 'port':
        this.#ports.get(told.id)?.postMessage(told.data);
        return;
      case 'closed':
        this.#ports.get(told.id)?.close();
        return;
      case 'call':
        try {
          const args = await Promise.all(
            told.args.map((arg) => ('file' in arg ? this.#fileOf(arg.file) : arg.value)),
          );
          const result = await this.#world.exposed.get(told.key)?.[told.name]?.(...args);
          this.#run('answer', told.id, result ?? null, null);
        } catch (error) {
          this.#run('answer', told.id, null, error instanceof Error ? error.message : String(error));
        }
    }
  }

  async #fileOf(index: number): Promise<FileOfPage> {
    const { devtools } = this.#options;
    const expression = `window.__fromPreload.file(${index})`;
    const { result } = await devtools.send('Runtime.evaluate', { expression });
    const { path } = await devtools.send('DOM.getFileInfo', { objectId: result.objectId! });
    return new FileOfPage(path);
  }

  #run(name: 'answer' | 'open' | 'post', ...args: unknown[]): void {
    const expression = `window.__fromPreload.${name}(...${JSON.stringify(args)})`;
    // A document that goes at this moment hears nothing more.
    this.#options.devtools.send('Runtime.evaluate', { expression }).catch(() => undefined);
  }
}

function originOf(url: string): string {
  const match = /^[a-z]+:\/\/[^/]+/.exec(electronUrl(url));
  return match === null ? 'null' : match[0];
}
