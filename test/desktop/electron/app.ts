import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** An event whose default can be prevented. */
export class Preventable {
  defaultPrevented = false;
  preventDefault(): void {
    this.defaultPrevented = true;
  }
}

/** What closes when the app quits. */
export interface Closable {
  close(): void;
  isDestroyed(): boolean;
}

function switchOf(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((word) => word.startsWith(start))?.slice(start.length);
}

/** A packed app's resources, its archive laid out as a folder: plain Node does not see into archives. */
const resources = process.env['GANVAS_TEST_RESOURCES'];
if (resources !== undefined) Object.assign(process, { resourcesPath: resources });

class App extends EventEmitter {
  readonly isPackaged = resources !== undefined;
  readonly #paths: Record<string, string> = {
    userData: switchOf('user-data-dir') ?? join(homedir(), '.config', 'Ganvas'),
    documents: homedir(),
    downloads: homedir(),
    temp: tmpdir(),
  };
  readonly #ready = Promise.withResolvers<null>();
  windows: () => Closable[] = () => [];
  /** What has been asked of it, for tests. */
  readonly asked: string[] = [];
  #quitting = false;
  #isReady = false;
  beforeExit: () => Promise<void> = async () => undefined;

  constructor() {
    super();
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      // As Electron does, where nobody else listens.
      process.on(signal, () => process.listenerCount(signal) === 1 && this.quit());
  }

  isReady(): boolean {
    return this.#isReady;
  }
  start(): void {
    this.#isReady = true;
    this.#ready.resolve(null);
    this.emit('ready');
  }
  async whenReady(): Promise<void> {
    await this.#ready.promise;
  }
  readonly commandLine = {
    hasSwitch: (name: string) => process.argv.some((word) => word === `--${name}`),
  };
  enableSandbox(): void {
    this.asked.push('sandbox');
  }
  setAppUserModelId(): void {
    this.asked.push('app-user-model-id');
  }
  addRecentDocument(path: string): void {
    this.asked.push(`recent ${path}`);
  }
  relaunch(): void {
    this.asked.push('relaunch');
    process.send?.({ type: 'relaunch' });
  }
  /** Of a packed app, which its updater asks for. */
  getVersion(): string {
    if (resources === undefined) throw new Error('the stand-in knows the version of packed apps alone');
    const text = readFileSync(join(resources, 'app.asar', 'package.json'), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  }
  getPath(name: string): string {
    const path = this.#paths[name];
    if (path === undefined) throw new Error(`the stand-in knows no path ${name}`);
    return path;
  }

  /** The first process with this folder has it; it hears of others by files, since this must be known at once. */
  requestSingleInstanceLock(): boolean {
    const folder = join(this.getPath('userData'), 'instances');
    mkdirSync(folder, { recursive: true });
    const lock = join(folder, 'first');
    if (existsSync(lock) && isAlive(Number(readFileSync(lock, 'utf8')))) {
      writeFileSync(join(folder, `${process.pid}.partial`), '');
      writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify([process.argv, process.cwd()]));
      return false;
    }
    writeFileSync(lock, String(process.pid));
    watch(folder, (_, name) => {
      const file = join(folder, name ?? '');
      if (name?.endsWith('.json') !== true || !existsSync(file)) return;
      const text = readFileSync(file, 'utf8');
      if (text === '') return;
      rmSync(file);
      const [argv, cwd] = JSON.parse(text) as [string[], string];
      this.emit('second-instance', {}, argv, cwd, {});
    });
    return true;
  }

  quit(): void {
    if (this.#quitting) return;
    const event = new Preventable();
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    this.#quitting = true;
    for (const window of this.windows()) window.close();
    if (this.windows().some((window) => !window.isDestroyed())) {
      this.#quitting = false;
      return;
    }
    this.emit('will-quit', new Preventable());
    this.emit('quit', {}, 0);
    this.exit(0);
  }
  get isQuitting(): boolean {
    return this.#quitting;
  }
  exit(status = 0): void {
    void this.beforeExit().finally(() => process.exit(status));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch {
    return false;
  }
}

export const app = new App();
