import type { AppError } from '../../src-shared/errors.ts';
import { fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { Drawn, ExplorerState } from './explorer.svelte.ts';

interface Wanted {
  key: string;
  points: readonly LatentPoint[];
  columns: number;
}

/** Resolves when the browser can show a picture at once. @throws DOMException when it is not there */
async function load(src: string): Promise<void> {
  const image = new Image();
  image.src = src;
  await image.decode();
}

/**
 * The picture of what is wanted now. There is never more than one request under way; of all that is wanted meanwhile only the last is drawn, so
 * the picture follows a hand as fast as the generator and the line allow, and no faster.
 */
export class Drawing {
  readonly #state: Pick<ExplorerState, 'draw'>;
  readonly #load: (src: string) => Promise<void>;
  #shown: Drawn | null = $state.raw(null);
  #problem: AppError | null = $state.raw(null);
  #busy = $state(false);
  #progress: Progress | null = $state.raw(null);
  #wanted: Wanted | null = null;
  /** What is shown, or is being drawn. */
  #key = '';

  constructor(state: Pick<ExplorerState, 'draw'>, loadPicture = load) {
    this.#state = state;
    this.#load = loadPicture;
  }

  /** The last picture; null before the first. */
  get shown(): Drawn | null {
    return this.#shown;
  }
  /** Why the last one that was wanted is not shown. */
  get problem(): AppError | null {
    return this.#problem;
  }
  /** Whether another one is on its way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** How far it is. */
  get progress(): Progress | null {
    return this.#progress;
  }

  /** @param explorer what is to draw: with another one everything is drawn anew */
  want(explorer: string, points: readonly LatentPoint[], columns: number): void {
    const key = `${explorer} ${columns} ${JSON.stringify(points)}`;
    this.#wanted = key === this.#key ? null : { key, points, columns };
    if (this.#wanted !== null && !this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#wanted !== null) {
      const { key, points, columns } = this.#wanted;
      this.#wanted = null;
      this.#key = key;
      this.#progress = null;
      try {
        const drawn = await this.#state.draw(points, columns, {
          onProgress: (progress) => (this.#progress = progress),
        });
        await this.#load(drawn.src);
        this.#shown = drawn;
        this.#problem = null;
      } catch (error) {
        this.#problem = fromErrorData(toErrorData(error));
        // Wanting the same again tries again.
        this.#key = '';
      }
    }
    this.#busy = false;
    this.#progress = null;
  }
}
