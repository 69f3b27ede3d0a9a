/**
 * Calls, progress, cancelling and events over anything that carries JSON: a WebSocket, a MessagePort, memory. The caller numbers its
 * calls; the other side answers each of them once.
 */
import * as v from 'valibot';
import { AppError, fromErrorData, toErrorData } from './errors.ts';
import type { Progress } from './progress.ts';

/** One end of a connection. Messages arrive in order; what is posted after its end goes nowhere. */
export interface Port {
  /** @param message JSON text */
  post(message: string): void;
  onMessage(listen: (message: string) => void): void;
  onClose(listen: () => void): void;
}

/** Longest message in characters: far above what any method needs, far below what would hurt. */
export const maxMessage = 8 * 2 ** 20;

/** A method as the contract states it: what it takes, and the type of what it gives (which comes from our own core, so no schema). */
export interface Method<Params extends v.GenericSchema = v.GenericSchema, Result = unknown> {
  params: Params;
  /** Never there at run time. */
  result?: Result;
}

/** Declares a method that takes an object with exactly these members. */
export function method<Entries extends v.ObjectEntries>(entries: Entries) {
  return {
    /** @typeParam Result plain data */
    gives: <Result>(): Method<v.StrictObjectSchema<Entries, undefined>, Result> => ({
      params: v.strictObject(entries),
    }),
  };
}

export type Contract = Record<string, Method>;
export type ParamsOf<M extends Method> = v.InferOutput<M['params']>;
export type ResultOf<M extends Method> = M extends Method<v.GenericSchema, infer Result> ? Result : never;

/** What a long call is given beside its parameters. */
export interface CallContext {
  onProgress: (progress: Progress) => void;
  /** Aborted when the caller cancels or goes away. */
  signal: AbortSignal;
  /** Aborted when the caller goes away, before `signal`: what was opened for it can be closed. The same object for all its calls. */
  connection: AbortSignal;
}

export type Handlers<C extends Contract> = {
  [Name in keyof C]: (
    params: ParamsOf<C[Name]>,
    context: CallContext,
  ) => ResultOf<C[Name]> | Promise<ResultOf<C[Name]>>;
};

const id = v.pipe(v.number(), v.integer(), v.minValue(0));

const Request = v.variant('type', [
  v.strictObject({ type: v.literal('call'), id, method: v.string(), params: v.unknown() }),
  v.strictObject({ type: v.literal('cancel'), id }),
]);
type Request = v.InferOutput<typeof Request>;

const Reply = v.variant('type', [
  v.strictObject({ type: v.literal('result'), id, result: v.exactOptional(v.unknown()) }),
  v.strictObject({
    type: v.literal('error'),
    /** Null when the message could not be read so far as to know which call it was. */
    id: v.nullable(id),
    error: v.strictObject({
      code: v.string(),
      message: v.string(),
      details: v.record(v.string(), v.unknown()),
    }),
  }),
  v.strictObject({
    type: v.literal('progress'),
    id,
    progress: v.strictObject({
      phase: v.string(),
      done: v.number(),
      total: v.nullable(v.number()),
      perSecond: v.number(),
      remainingSeconds: v.nullable(v.number()),
    }),
  }),
  v.strictObject({ type: v.literal('event'), event: v.unknown() }),
]);
type Reply = v.InferOutput<typeof Reply>;

const invalid = (why: string) => new AppError('rpc.invalid', `The message cannot be understood: ${why}.`);

/** Serves one connection. @returns a function that sends it an event */
export function serve<C extends Contract>(
  port: Port,
  contract: C,
  handlers: Handlers<C>,
): (event: unknown) => void {
  const methods = new Map(Object.entries(contract));
  const running = new Map<number, AbortController>();
  const connection = new AbortController();
  const reply = (message: Reply) => port.post(JSON.stringify(message));
  const fail = (id: number | null, thrown: unknown) => {
    const error = toErrorData(thrown);
    try {
      reply({ type: 'error', id, error });
    } catch {
      // Its details are what JSON cannot say.
      reply({ type: 'error', id, error: { ...error, details: {} } });
    }
  };

  const read = (text: string): Request => {
    if (text.length > maxMessage) {
      throw new AppError(
        'rpc.too-large',
        `A message of ${text.length} characters is too large; ${maxMessage} is the limit.`,
      );
    }
    let data: unknown;
    try {
      data = JSON.parse(text);
    } catch (error) {
      throw invalid(`it is not JSON (${error instanceof Error ? error.message : String(error)})`);
    }
    const request = v.safeParse(Request, data);
    if (!request.success) throw invalid(wordsOf(request.issues[0]));
    return request.output;
  };

  const call = async (call: Extract<Request, { type: 'call' }>) => {
    const method = methods.get(call.method);
    if (method === undefined) {
      throw new AppError('rpc.unknown-method', `There is no method "${call.method.slice(0, 100)}".`);
    }
    const params = paramsOf(method, call);
    const controller = new AbortController();
    running.set(call.id, controller);
    try {
      const context: CallContext = {
        onProgress: (progress) => {
          if (running.has(call.id)) reply({ type: 'progress', id: call.id, progress });
        },
        signal: controller.signal,
        connection: connection.signal,
      };
      return await handlers[call.method]!(params, context);
    } finally {
      running.delete(call.id);
    }
  };

  port.onMessage((text) => {
    let request: Request;
    try {
      request = read(text);
    } catch (error) {
      fail(null, error);
      return;
    }
    if (request.type === 'cancel') {
      running.get(request.id)?.abort();
      return;
    }
    if (running.has(request.id)) {
      // An error with this number would answer the other call.
      fail(null, invalid(`call ${request.id} is under way already`));
      return;
    }
    call(request)
      .then((result) => reply({ type: 'result', id: request.id, result }))
      .catch((error: unknown) => fail(request.id, error));
  });
  port.onClose(() => {
    connection.abort();
    for (const controller of running.values()) controller.abort();
  });
  return (event) => reply({ type: 'event', event });
}

function paramsOf(method: Method, { method: name, params }: { method: string; params: unknown }): unknown {
  const wrong = (why: string) => new AppError('rpc.bad-params', `${name} was called wrongly: ${why}.`);
  let parsed;
  try {
    parsed = v.safeParse(method.params, params);
  } catch (error) {
    if (error instanceof RangeError) throw wrong('it is nested too deeply');
    throw error;
  }
  if (parsed.success) return parsed.output;
  throw wrong(wordsOf(parsed.issues[0]));
}

function wordsOf(issue: v.BaseIssue<unknown>): string {
  const place = v.getDotPath(issue);
  return place === null ? issue.message : `${place}: ${issue.message}`;
}

function readReply(text: string): Reply {
  let why: string;
  try {
    const reply = v.safeParse(Reply, JSON.parse(text));
    if (reply.success) return reply.output;
    why = wordsOf(reply.issues[0]);
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  return { type: 'error', id: null, error: toErrorData(invalid(why)) };
}

export interface CallOptions {
  onProgress?: (progress: Progress) => void;
  /** Cancels the call; it then rejects with `cancelled` as soon as the other side has stopped. */
  signal?: AbortSignal;
}

export interface Connection<C extends Contract> {
  /** @throws AppError what the method throws, `rpc.*`, `rpc.closed` when the connection ends before the answer */
  call<Name extends keyof C & string>(
    method: Name,
    params: ParamsOf<C[Name]>,
    options?: CallOptions,
  ): Promise<ResultOf<C[Name]>>;
}

/** The calling end of a connection. @param onEvent hears every event of the other side */
export function connect<C extends Contract>(port: Port, onEvent: (event: unknown) => void): Connection<C> {
  interface Waiting {
    resolve: (result: unknown) => void;
    reject: (error: AppError) => void;
    onProgress: CallOptions['onProgress'];
  }
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let open = true;
  const closed = () => new AppError('rpc.closed', 'The connection to Ganvas is gone.');

  const rejectAll = (error: AppError) => {
    const calls = [...waiting.values()];
    waiting.clear();
    for (const { reject } of calls) reject(error);
  };

  port.onMessage((text) => {
    const reply = readReply(text);
    switch (reply.type) {
      case 'event':
        onEvent(reply.event);
        return;
      case 'progress':
        waiting.get(reply.id)?.onProgress?.(reply.progress);
        return;
      case 'result':
        waiting.get(reply.id)?.resolve(reply.result);
        waiting.delete(reply.id);
        return;
      case 'error':
        // Nobody knows which call it was; none may wait for ever.
        if (reply.id === null) return rejectAll(fromErrorData(reply.error));
        waiting.get(reply.id)?.reject(fromErrorData(reply.error));
        waiting.delete(reply.id);
    }
  });
  port.onClose(() => {
    open = false;
    rejectAll(closed());
  });

  return {
    async call(method, params, { onProgress, signal } = {}) {
      const number = next++;
      const text = JSON.stringify({ type: 'call', id: number, method, params } satisfies Request);
      if (text.length > maxMessage) {
        throw new AppError('rpc.too-large', `What was to be sent is too large (${text.length} characters).`);
      }
      if (!open) throw closed();
      if (signal?.aborted === true) throw new AppError('cancelled', 'This was cancelled before it began.');
      const cancel = () => port.post(JSON.stringify({ type: 'cancel', id: number } satisfies Request));
      signal?.addEventListener('abort', cancel);
      try {
        const answer = new Promise<unknown>((resolve, reject) => {
          waiting.set(number, { resolve, reject, onProgress });
        });
        port.post(text);
        return (await answer) as ResultOf<C[typeof method]>;
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    },
  };
}
