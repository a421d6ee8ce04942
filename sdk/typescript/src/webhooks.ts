/** An event as it was sent. */
export interface Event {
  id: string;
  type: string;
  timestamp: string;
  sequence: number;
  customer: string | null;
  subscription: string | null;
  invoice: string | null;
  data: { object: Record<string, unknown> };
}

/** A request that is not from your Perennial, or too old: answer 400, and do nothing. */
export class WebhookError extends Error {
  override name = 'WebhookError';
}

export interface VerifyOptions {
  /** In seconds; 300 by default. */
  tolerance?: number;
  now?: Date;
}

type Headers_ = Headers | Record<string, string | string[] | undefined>;

/**
 * Returns the event of a webhook whose signature is good (Standard Webhooks 1.0.0).
 *
 * `body` is as it came, before anything read it.
 */
export async function verify(
  body: string,
  headers: Headers_,
  secret: string,
  options: VerifyOptions = {},
): Promise<Event> {
  const id = header(headers, 'webhook-id');
  const stamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  const now = (options.now ?? new Date()).getTime() / 1000;
  if (!/^\d{1,12}$/.test(stamp)) throw new WebhookError('the timestamp is not a number');
  if (Math.abs(now - Number(stamp)) > (options.tolerance ?? 300)) {
    throw new WebhookError('the timestamp is too far from now');
  }
  const key = await keyOf(secret);
  const signed = new TextEncoder().encode(`${id}.${stamp}.${body}`);
  if (!(await isAnyGood(key, signatures, signed))) {
    throw new WebhookError("the signature is another's, or the secret is");
  }
  try {
    return JSON.parse(body) as Event;
  } catch (error) {
    throw new WebhookError('the body is not JSON', { cause: error });
  }
}

function header(headers: Headers_, name: string): string {
  const found =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  if (typeof found !== 'string') throw new WebhookError(`without the header ${name}`);
  return found;
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const key = bytesOf(secret.replace(/^whsec_/, ''));
  if (!key?.length) {
    throw new WebhookError('the secret is not one of Perennial: it begins with whsec_');
  }
  return crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

async function isAnyGood(key: CryptoKey, signatures: string, signed: Uint8Array<ArrayBuffer>) {
  for (const each of signatures.split(/\s+/)) {
    const given = each.startsWith('v1,') ? bytesOf(each.slice(3)) : undefined;
    // verify() compares in constant time.
    if (given && (await crypto.subtle.verify('HMAC', key, given, signed))) return true;
  }
  return false;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    return undefined;
  }
}
