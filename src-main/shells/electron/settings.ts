/** What the desktop app remembers of itself, in one small file. It is a convenience: damaged or lost, the app starts as if it were new. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { Theme } from '../../../src-shared/api.ts';

const pixels = v.pipe(v.number(), v.integer(), v.minValue(-100_000), v.maxValue(100_000));

const WindowState = v.object({
  x: pixels,
  y: pixels,
  width: v.pipe(pixels, v.minValue(1)),
  height: v.pipe(pixels, v.minValue(1)),
  maximized: v.boolean(),
  fullScreen: v.boolean(),
});
export type WindowState = v.InferOutput<typeof WindowState>;

const Content = v.object({
  /** Where the window last was; null: never anywhere. */
  window: v.fallback(v.nullable(WindowState), null),
  theme: v.fallback(Theme, 'system'),
  /** Folder of the library that was chosen; null for the usual one. */
  library: v.fallback(v.nullable(v.string()), null),
  /** Runs that trained when the app was quit, and go on at the next start. */
  resume: v.fallback(v.array(v.string()), []),
});
export type Content = v.InferOutput<typeof Content>;

export class Settings {
  readonly #file: string;
  #content: Content;

  /** Reads the file; each member that cannot be read is as in a new app. */
  constructor(file: string) {
    this.#file = file;
    this.#content = { window: null, theme: 'system', library: null, resume: [] };
    try {
      this.#content = v.parse(Content, JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      // As new.
    }
  }

  get content(): Readonly<Content> {
    return this.#content;
  }

  /** Changes members and writes the file, whole or not at all; where that cannot be, the change lasts until the app ends. */
  change(changes: Partial<Content>): void {
    this.#content = { ...this.#content, ...changes };
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      const partial = `${this.#file}.partial`;
      writeFileSync(partial, JSON.stringify(this.#content));
      renameSync(partial, this.#file);
    } catch {
      // The library is what must not be lost, and says so itself.
    }
  }
}
