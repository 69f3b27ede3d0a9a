import * as v from 'valibot';

/** What {@link Kept} needs of the page's `sessionStorage`. */
export type KeptStorage = Pick<Storage, 'getItem' | 'setItem'>;

/** How a place was left, for when its tab comes back to it, also after a reload. It must not matter if it is lost. */
export class Kept<T extends object> {
  #value: T;
  readonly #storage: KeptStorage;
  readonly #key: string;

  /** @param schema of what JSON makes of it @param usual where nothing that can be read was kept */
  constructor(storage: KeptStorage, key: string, schema: v.GenericSchema<unknown, T>, usual: T) {
    this.#storage = storage;
    this.#key = key;
    this.#value = $state.raw(read(storage.getItem(key), schema) ?? usual);
  }

  get value(): T {
    return this.#value;
  }

  /** Changes members of it; the values must not be changed afterwards. */
  change(members: Partial<T>): void {
    this.#value = { ...this.#value, ...members };
    try {
      this.#storage.setItem(this.#key, JSON.stringify(this.#value));
    } catch {
      // The browser keeps nothing, or has no room: it lasts as long as the page then.
    }
  }
}

function read<T>(text: string | null, schema: v.GenericSchema<unknown, T>): T | null {
  try {
    return v.parse(schema, JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}
