import type { Export } from '../../src-shared/library.ts';
import type { ApiClient } from './api-client.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { reader } from './reader.ts';

/** What was written for use elsewhere, live, the newest first. Ends with {@link close}. */
export class ExportList {
  #all: readonly Export[] = $state.raw([]);
  readonly #ends: (() => void)[];
  readonly #api: ApiClient;
  readonly #notices: Notices;

  constructor(api: ApiClient, notices: Notices) {
    this.#api = api;
    this.#notices = notices;
    const read = reader(
      notices,
      () => api.call('exports.list', {}),
      (list) => {
        this.#all = list.toReversed();
      },
    );
    this.#ends = [
      api.onOpen(read),
      api.onEvent(({ type }) => {
        if (type === 'export' || type === 'exports') read();
      }),
    ];
  }

  get all(): readonly Export[] {
    return this.#all;
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  async delete({ id, name }: Export): Promise<void> {
    try {
      await this.#api.call('exports.delete', { id });
      this.#notices.say(`${name} was deleted.`);
    } catch (error) {
      this.#notices.fail(error);
    }
  }

  async reveal({ id }: Export): Promise<void> {
    try {
      await this.#api.call('exports.reveal', { id });
    } catch (error) {
      this.#notices.fail(error);
    }
  }
}
