/** The open pages of an application, in whatever shell: calls are answered, and each of them hears everything that happens. */
import type { Contract, Handlers, Port } from '../../src-shared/rpc.ts';
import { serve } from '../../src-shared/rpc.ts';

export interface Pages {
  connect(port: Port): void;
  broadcast(event: unknown): void;
}

/** @param handlersFor makes the handlers of one connection, which is told of by `onClose` when it ends */
export function createPages<C extends Contract>(
  contract: C,
  handlersFor: (connection: Pick<Port, 'onClose'>) => Handlers<C>,
): Pages {
  const listening = new Set<(event: unknown) => void>();
  return {
    connect(port) {
      const tell = serve(port, contract, handlersFor(port));
      listening.add(tell);
      port.onClose(() => listening.delete(tell));
    },
    broadcast(event) {
      for (const tell of listening) tell(event);
    },
  };
}
