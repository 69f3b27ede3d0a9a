/**
 * The one error type that crosses processes. It travels as plain data `{code, message, details}`, because
 * structured clones and JSON both drop what makes an `Error` subclass useful.
 */
export interface ErrorData {
  /** A stable, dotted name a program can act on, such as `dataset.empty`. */
  code: string;
  /** What happened, where, and what to do about it: a sentence for a person. */
  message: string;
  /** Plain data that belongs to the error, such as the file or the numbers compared. */
  details: Record<string, unknown>;
}

/** An error whose message is meant for a person; see {@link ErrorData}. */
export class AppError extends Error {
  readonly code: string;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }
}

/** Turns anything thrown into plain data. What is not an {@link AppError} gets the code `internal`. */
export function toErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof AppError) {
    return { code: thrown.code, message: thrown.message, details: thrown.details };
  }
  if (thrown instanceof Error) {
    const details = thrown.stack === undefined ? {} : { stack: thrown.stack };
    return { code: 'internal', message: thrown.message, details };
  }
  return { code: 'internal', message: inWords(thrown), details: {} };
}

function inWords(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'Something was thrown that has no words.';
  }
}

/** The inverse of {@link toErrorData} on the receiving side. */
export function fromErrorData(data: ErrorData): AppError {
  return new AppError(data.code, data.message, data.details);
}
