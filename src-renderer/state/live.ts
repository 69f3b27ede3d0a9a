import type { ApiEvent } from '../../src-shared/api.ts';

interface Source<Snapshot> {
  /** Asks the core for everything. */
  read: () => Promise<Snapshot>;
  take: (snapshot: Snapshot) => void;
  /** Takes over what one event tells; also what is known already. */
  hear: (event: ApiEvent) => void;
}

/**
 * What the core has, kept in step: a snapshot, then events. Events that come while a snapshot is on its way may be older or newer than it,
 * so they are heard again once it is there. One snapshot is read at a time.
 */
export class Live<Snapshot> {
  /** Events since the snapshot on its way was asked for; null when none is. */
  #meanwhile: ApiEvent[] | null = null;
  #reading: Promise<void> | null = null;
  #again = false;
  readonly #source: Source<Snapshot>;

  constructor(source: Source<Snapshot>) {
    this.#source = source;
  }

  hear(event: ApiEvent): void {
    this.#meanwhile?.push(event);
    this.#source.hear(event);
  }

  /** Resolves when a snapshot that was asked for after this call is there. @throws AppError what reading throws */
  load(): Promise<void> {
    if (this.#reading !== null) this.#again = true;
    this.#reading ??= this.#readUntilCurrent().finally(() => {
      this.#reading = null;
      this.#meanwhile = null;
    });
    return this.#reading;
  }

  async #readUntilCurrent(): Promise<void> {
    this.#again = false;
    const meanwhile: ApiEvent[] = [];
    this.#meanwhile = meanwhile;
    this.#source.take(await this.#source.read());
    for (const event of meanwhile) this.#source.hear(event);
    if (this.#wantsMore()) await this.#readUntilCurrent();
  }

  #wantsMore(): boolean {
    return this.#again;
  }
}
