import * as v from 'valibot';
import { AppError, fromErrorData } from '../../src-shared/errors.ts';

export interface SendRequest {
  method: 'PUT' | 'POST';
  /** Relative to the page. */
  address: string;
  body: Blob | FormData;
  signal: AbortSignal;
  /** Bytes of the body that have been sent so far. */
  onSent: (bytes: number) => void;
}

export type Send = (request: SendRequest) => Promise<void>;

const Refusal = v.object({
  code: v.string(),
  message: v.string(),
  details: v.optional(v.record(v.string(), v.unknown()), {}),
});

function refusal(status: number, text: string): AppError {
  try {
    return fromErrorData(v.parse(Refusal, JSON.parse(text)));
  } catch {
    return new AppError('upload.refused', `The server did not take the files (HTTP ${status}).`, {
      status,
      text,
    });
  }
}

/**
 * Sends files to the core's own server. (A `fetch` does not say how much it has sent.)
 * @throws AppError what the server answers; `upload.interrupted` when no answer came; `cancelled`
 */
export const send: Send = ({ method, address, body, signal, onSent }) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const end = (settle: () => void) => () => {
      signal.removeEventListener('abort', abort);
      settle();
    };
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener(
      'load',
      end(() => {
        if (request.status >= 200 && request.status < 300) resolve();
        else reject(refusal(request.status, request.responseText));
      }),
    );
    request.addEventListener(
      'error',
      end(() => reject(new AppError('upload.interrupted', 'The connection was lost while files were sent.'))),
    );
    request.addEventListener(
      'abort',
      end(() => reject(new AppError('cancelled', 'The upload was cancelled; nothing was kept.'))),
    );
    signal.addEventListener('abort', abort);
    request.open(method, address);
    request.send(body);
  });
