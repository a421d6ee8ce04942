import { createClient } from './generated/client/index.js';
import { Operations } from './generated/sdk.gen.js';
import { MOST_REPEATS, repeating } from './retries.js';

export * from './errors.js';
export type * from './generated/types.gen.js';
export { every, type Page } from './paging.js';
export { type Event, verify, type VerifyOptions, WebhookError } from './webhooks.js';

export interface Options {
  /** How often a request that nothing came of is repeated; 4 by default. */
  repeats?: number;
  /** For one attempt; 30 seconds by default. */
  timeoutMs?: number;
  /** Another fetch, for tests and proxies. */
  fetch?: typeof fetch;
  sleep?: (ms: number) => Promise<void>;
}

const OWN_MACHINE = ['127.0.0.1', '[::1]', 'localhost'];

/** An installation of Perennial, asked with one API key. */
export class Perennial extends Operations {
  constructor(apiKey: string, baseUrl: string, options: Options = {}) {
    checkAddress(baseUrl);
    super({
      client: createClient({
        baseUrl: baseUrl.replace(/\/+$/, ''),
        auth: apiKey,
        redirect: 'manual',
        throwOnError: true,
        responseStyle: 'data',
        fetch: repeating({
          fetch: options.fetch ?? fetch,
          repeats: options.repeats ?? MOST_REPEATS,
          timeoutMs: options.timeoutMs ?? 30_000,
          sleep: options.sleep ?? ((ms) => new Promise((done) => setTimeout(done, ms))),
        }) as typeof fetch,
      }),
    });
  }
}

function checkAddress(address: string): void {
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:' || (protocol === 'http:' && OWN_MACHINE.includes(hostname))) return;
  throw new TypeError(
    `${address} must begin with https://: an API key is not sent in the clear. ` +
      'Only your own machine may be asked by http://127.0.0.1',
  );
}
