/** The open pages of an application, in whatever shell: calls are answered, and each of them hears everything that happens. */
import type { Contract, Handlers, Port } from '../../src-shared/rpc.ts';
import { serve } from '../../src-shared/rpc.ts';

export class Pages {
  readonly #tell = new Set<(event: unknown) => void>();

  /** Serves a page until its connection ends. @returns a function that sends an event to this page alone */
  connect<C extends Contract>(port: Port, contract: C, handlers: Handlers<C>): (event: unknown) => void {
    const tell = serve(port, contract, handlers);
    this.#tell.add(tell);
    port.onClose(() => this.#tell.delete(tell));
    return tell;
  }

  broadcast(event: unknown): void {
    for (const tell of this.#tell) tell(event);
  }
}
