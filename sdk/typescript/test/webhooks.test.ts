import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';

import { verify, WebhookError } from '../src/index.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = '{"id":"evt_1","type":"customer.access_changed","data":{"object":{"object":"access"}}}';
const now = new Date('2026-01-31T15:00:00Z');
const stamp = String(now.getTime() / 1000);

function headersOf(body = BODY): Record<string, string> {
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`evt_1.${stamp}.${body}`).digest('base64');
  return {
    'webhook-id': 'evt_1',
    'webhook-timestamp': stamp,
    'webhook-signature': `v1,bad v1,${signature}`,
  };
}

test('a webhook whose signature is good is an event', async () => {
  assert.equal((await verify(BODY, headersOf(), SECRET, { now })).id, 'evt_1');
  assert.equal((await verify(BODY, new Headers(headersOf()), SECRET, { now })).id, 'evt_1');
});

test('the signature of text in another script is good too', async () => {
  const body = '{"id":"evt_1","name":"Zoë 你好"}';
  assert.equal((await verify(body, headersOf(body), SECRET, { now })).id, 'evt_1');
});

for (const [what, change, secret] of [
  ['another body', { 'webhook-id': 'evt_2' }, SECRET],
  ['an old one', { 'webhook-timestamp': '1769870000' }, SECRET],
  ['one from the future', { 'webhook-timestamp': '1769872000' }, SECRET],
  ['a timestamp that is none', { 'webhook-timestamp': 'now' }, SECRET],
  ['no signature', { 'webhook-signature': '' }, SECRET],
  ['a signature that is no base64', { 'webhook-signature': 'v1,%%%' }, SECRET],
  ['another version', { 'webhook-signature': 'v2,abc' }, SECRET],
  ['a missing header', { 'webhook-id': undefined }, SECRET],
  ['a secret that is none', {}, 'whsec_'],
  ['a secret that is no base64', {}, 'sk_%%%'],
] as const) {
  test(`${what} is refused`, async () => {
    const headers = { ...headersOf(), ...change };
    await assert.rejects(verify(BODY, headers, secret, { now }), WebhookError);
  });
}

test('a body that is not JSON is refused', async () => {
  await assert.rejects(verify('hello', headersOf('hello'), SECRET, { now }), WebhookError);
});
