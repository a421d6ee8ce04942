import type { Problem } from './generated/types.gen.js';

/** A call that did not succeed, whatever the reason. */
export class PerennialError extends Error {
  override name = 'PerennialError';
}

/** No answer: the server is down, or the network is. After a write, look at what stands. */
export class Unreachable extends PerennialError {
  override name = 'Unreachable';
}

/**
 * An answer that is not Perennial's: another program's page, or a proxy's.
 *
 * After a write that a proxy gave up (`status` 500 and above), look at what stands.
 */
export class UnexpectedAnswer extends PerennialError {
  override name = 'UnexpectedAnswer';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A problem that the API answered. Branch on `code`, and where it has several, on `reason`. */
export class ApiError extends PerennialError {
  override name = 'ApiError';
  readonly code: string;
  readonly reason: string | undefined;
  readonly field: string | undefined;
  readonly requestId: string | undefined;

  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(`${problem.code} (${status}): ${problem.detail ?? problem.title ?? ''}`);
    this.code = problem.code;
    this.reason = problem.reason;
    this.field = problem.field;
    this.requestId = problem.request_id;
  }
}

/** The API key is missing, wrong, expired or revoked (401). */
export class Unauthenticated extends ApiError {
  override name = 'Unauthenticated';
}

/** The API key may not do this, or the account is inactive (403). */
export class Forbidden extends ApiError {
  override name = 'Forbidden';
}

/** There is no such thing, or it is another merchant's (404). */
export class NotFound extends ApiError {
  override name = 'NotFound';
}

/** The state or a policy forbids it (409). */
export class Conflict extends ApiError {
  override name = 'Conflict';
}

/** A value is malformed or out of bounds; `field` says which (422). */
export class Invalid extends ApiError {
  override name = 'Invalid';
}

/** Too many requests; those that were repeated were refused too (429). */
export class TooManyRequests extends ApiError {
  override name = 'TooManyRequests';
}

/**
 * A part of the service does not answer (5xx). After a 500 from a write, look at what stands.
 *
 * With 503 nothing was done, unless it is a subclass that says so.
 */
export class ServerError extends ApiError {
  override name = 'ServerError';
}

/** It may have been done (503): look at what stands before asking again. */
export class OutcomeUnknown extends ServerError {
  override name = 'OutcomeUnknown';
}

const BY_STATUS: Record<number, new (status: number, problem: Problem) => ApiError> = {
  401: Unauthenticated,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: Invalid,
  429: TooManyRequests,
};

/** Returns the error of a problem that the API answered. */
export function errorOf(status: number, problem: Problem): ApiError {
  if (problem.code === 'outcome_unknown') return new OutcomeUnknown(status, problem);
  const kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : ApiError);
  return new kind(status, problem);
}
