import { errorOf, UnexpectedAnswer, Unreachable } from './errors.js';
import type { Problem } from './generated/types.gen.js';

export const MOST_REPEATS = 4;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Codes of 503 after which the same request may be sent again, by the API document. */
const NOTHING_DONE = new Set(['unavailable', 'gateway_unavailable', 'gateway_busy', 'unfinished']);

export interface Repeating {
  fetch: typeof fetch;
  repeats: number;
  timeoutMs: number;
  sleep: (ms: number) => Promise<void>;
}

/**
 * Returns a fetch that repeats a request that nothing came of, each time with the same
 * Idempotency-Key, and throws a PerennialError for every answer that is not a success.
 *
 * A request is sent again only where that cannot do anything twice: the API said so, or the request
 * has a key or only reads. An answer that was lost after a PATCH, PUT or DELETE is not asked for
 * again.
 */
export function repeating(by: Repeating): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method === 'POST' && !request.headers.has('Idempotency-Key')) {
      request.headers.set('Idempotency-Key', crypto.randomUUID());
    }
    for (let number = 0; ; number += 1) {
      const isLast = number >= by.repeats;
      let answer: Response;
      try {
        const signal = AbortSignal.timeout(by.timeoutMs);
        answer = await whole(await by.fetch(request.clone(), { signal }));
      } catch (error) {
        if (isLast || !mayRepeat(request)) throw unreachable(request, error);
        await by.sleep(pause(number));
        continue;
      }
      if (answer.ok) return answer;
      const problem = await problemOf(answer);
      const wait = Math.max(pause(number), askedPause(answer));
      if (isLast || wait > LONGEST_PAUSE_MS || !isWorthAnother(request, answer, problem)) {
        throw failure(request, answer, problem);
      }
      await by.sleep(wait);
    }
  };
}

/** Returns a whole answer: one that breaks off is as lost as one that never came. */
async function whole(answer: Response): Promise<Response> {
  if (answer.status < 200) return answer; // a browser's answer to a redirect cannot be made anew
  const body = await answer.arrayBuffer();
  return new Response(body.byteLength ? body : null, answer);
}

function onlyReads(request: Request): boolean {
  return ['GET', 'HEAD'].includes(request.method);
}

/** Says what to do after the answer to a change was lost; nothing after that to a question. */
function mayBeDone(request: Request): string {
  if (onlyReads(request)) return '';
  return '. It may have been done: look at what stands before you ask again';
}

function mayRepeat(request: Request): boolean {
  return onlyReads(request) || request.headers.has('Idempotency-Key');
}

function isWorthAnother(request: Request, answer: Response, problem?: Problem): boolean {
  switch (answer.status) {
    case 429:
      return true;
    case 502:
    case 504:
      return mayRepeat(request);
    case 503:
      // Without a code it is not Perennial's: the gateway before it.
      return problem ? NOTHING_DONE.has(problem.code) : mayRepeat(request);
    case 409:
      return problem?.code === 'request_running';
    default:
      return false;
  }
}

function pause(number: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** number, LONGEST_PAUSE_MS) * (0.5 + 0.5 * Math.random());
}

function askedPause(answer: Response): number {
  const asked = answer.headers.get('retry-after') ?? '';
  return /^\d+$/.test(asked) ? Number(asked) * 1000 : 0;
}

async function problemOf(answer: Response): Promise<Problem | undefined> {
  try {
    const found: unknown = JSON.parse(await answer.text());
    return typeof found === 'object' && found !== null && 'code' in found
      ? (found as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}

function failure(request: Request, answer: Response, problem?: Problem): Error {
  if (problem) return errorOf(answer.status, problem);
  if (answer.status === 429) {
    const detail = 'Too many requests at once. Wait a moment, and ask again.';
    return errorOf(429, { code: 'too_many_requests', detail } as Problem);
  }
  const where = new URL(request.url).origin;
  const after = (answer.status >= 500 && mayBeDone(request)) || '. Check the address';
  return new UnexpectedAnswer(
    answer.status,
    `${where} answered ${answer.status}, and not as Perennial does${after}`,
  );
}

function unreachable(request: Request, error: unknown): Unreachable {
  const { origin } = new URL(request.url);
  return new Unreachable(`no answer from ${origin}: ${String(error)}${mayBeDone(request)}`, {
    cause: error,
  });
}
