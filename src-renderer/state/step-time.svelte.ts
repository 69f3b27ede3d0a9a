import type { ApiParams } from '../../src-shared/api.ts';
import type { ApiClient } from './api-client.svelte.ts';

/** How long a design must rest, in milliseconds, before it is tried. */
const rest = 1500;

/** A design to measure, and what is needed to guess its time from another one's. */
export interface Wanted {
  asked: ApiParams<'system.stepTime'>;
  /** Multiply-adds a step does for one image. */
  multiplyAdds: number;
  /** Whether the machine is free for a trial. */
  isFree: boolean;
}

export interface Time {
  /** Seconds for a thousand images. */
  kimgSeconds: number;
  /** By a trial of this very design; else worked out from the last one that was measured, by multiply-adds. */
  isMeasured: boolean;
}

/** How long the design that is being edited takes to train: measured when it rests, guessed until then. */
export class StepTime {
  #measured: { choice: string; kimgSeconds: number; multiplyAdds: number } | null = $state.raw(null);
  #wanted: { choice: string; multiplyAdds: number } | null = $state.raw(null);
  #measuring = $state(false);
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Null where there is nothing to go by. */
  get time(): Time | null {
    const [measured, wanted] = [this.#measured, this.#wanted];
    if (measured === null || wanted === null) return null;
    if (measured.choice === wanted.choice) return { kimgSeconds: measured.kimgSeconds, isMeasured: true };
    const ratio = wanted.multiplyAdds / measured.multiplyAdds;
    return { kimgSeconds: measured.kimgSeconds * ratio, isMeasured: false };
  }
  /** Whether it is being tried. */
  get measuring(): boolean {
    return this.#measuring;
  }

  /** To be called in an effect: what it returns ends the trial. @param wanted null: a design that cannot be trained */
  want(wanted: Wanted | null): () => void {
    const choice = JSON.stringify(wanted?.asked);
    this.#wanted = wanted === null ? null : { choice, multiplyAdds: wanted.multiplyAdds };
    const trial = new AbortController();
    if (wanted?.isFree !== true) return () => undefined;
    const timer = setTimeout(() => void this.#measure(wanted, choice, trial.signal), rest);
    return () => {
      clearTimeout(timer);
      trial.abort();
      this.#measuring = false;
    };
  }

  async #measure({ asked, multiplyAdds }: Wanted, choice: string, signal: AbortSignal): Promise<void> {
    this.#measuring = true;
    try {
      const { kimgSeconds } = await this.#api.call('system.stepTime', asked, { signal });
      this.#measured = { choice, kimgSeconds, multiplyAdds };
    } catch {
      // Nobody asked for it: what is known stays, and what is wrong with the design is said elsewhere.
    } finally {
      if (!signal.aborted) this.#measuring = false;
    }
  }
}
