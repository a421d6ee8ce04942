import assert from 'node:assert/strict';
import test from 'node:test';

import * as sdk from '../src/index.js';

type Step = (() => Response) | Error;

/** A server that answers by a script; it repeats its last answer. */
class Server {
  readonly requests: Request[] = [];
  readonly bodies: string[] = [];
  readonly pauses: number[] = [];
  readonly api: sdk.Perennial;

  constructor(...script: Step[]) {
    this.api = new sdk.Perennial('sk_1', 'https://billing.example.com', {
      fetch: async (input) => {
        const request = input as Request;
        this.requests.push(request);
        this.bodies.push(await request.text());
        const step = (script.length > 1 ? script.shift() : script[0]) as Step;
        if (step instanceof Error) throw step;
        return step();
      },
      sleep: async (ms) => void this.pauses.push(ms),
    });
  }

  get keys(): Set<string | null> {
    return new Set(this.requests.map((each) => each.headers.get('idempotency-key')));
  }
}

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => () =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
const problem = (status: number, code: string, headers = {}) =>
  answer(status, { code, detail: 'Why.', status }, headers);
const done = answer(200, { data: [], next: null });
const refund = (server: Server) =>
  server.api.refundOrder({ path: { order: '1' }, body: { amount: 1 } });

test('a key is sent, and a POST is repeated with one Idempotency-Key', async () => {
  for (const step of [
    problem(503, 'unavailable'),
    problem(409, 'request_running'),
    problem(429, 'too_many_requests'),
    answer(502, 'Bad gateway'),
    answer(503, { message: 'Service Unavailable' }),
    new TypeError('fetch failed'),
  ]) {
    const server = new Server(step, step, done);
    await refund(server);
    assert.equal(server.requests.length, 3);
    assert.equal(server.keys.size, 1);
    assert.ok(!server.keys.has(null));
    assert.deepEqual(new Set(server.bodies), new Set(['{"amount":1}']));
    assert.equal(server.requests[0]?.headers.get('authorization'), 'Bearer sk_1');
  }
});

test('each call has a key of its own', async () => {
  const server = new Server(done);
  await refund(server);
  await refund(server);
  assert.equal(server.keys.size, 2);
});

test('what repeating would not change fails at once, by a typed error', async () => {
  for (const [status, code, kind] of [
    [503, 'outcome_unknown', sdk.OutcomeUnknown],
    [500, 'internal', sdk.ServerError],
    [401, 'unauthenticated', sdk.Unauthenticated],
    [403, 'scope_missing', sdk.Forbidden],
    [404, 'not_found', sdk.NotFound],
    [409, 'already_refunded', sdk.Conflict],
    [422, 'invalid', sdk.Invalid],
  ] as const) {
    const server = new Server(problem(status, code));
    await assert.rejects(refund(server), (error) => {
      assert.ok(error instanceof kind && error.code === code && error.status === status);
      return true;
    });
    assert.equal(server.requests.length, 1);
  }
});

test('an answer that is not of Perennial is an error of its own', async () => {
  const server = new Server(answer(404, '<html>'));
  await assert.rejects(refund(server), sdk.UnexpectedAnswer);
});

test('a lost answer to a PATCH is not asked for again, and a server that is down is said', async () => {
  const lost = new Server(new TypeError('fetch failed'));
  await assert.rejects(lost.api.changeSettings({ body: {} }), sdk.Unreachable);
  assert.equal(lost.requests.length, 1);
  const down = new Server(new TypeError('fetch failed'));
  await assert.rejects(down.api.showSettings(), /no answer from https:\/\/billing\.example\.com/);
  assert.equal(down.requests.length, 5);
});

test('after a change whose answer is lost, it says that it may have been done', async () => {
  const cut = [500, 502, 503, 504].map((status) => answer(status, { message: 'Cut off' }));
  for (const step of [new TypeError('fetch failed'), ...cut]) {
    await assert.rejects(refund(new Server(step)), /It may have been done: look at what stands/);
    await assert.rejects(new Server(step).api.listOrders(), /failed|Check the address/);
  }
});

test('a gateway that is asked too often is the error for that', async () => {
  const throttled = new Server(answer(429, { message: 'Too Many Requests' }));
  await assert.rejects(throttled.api.listOrders(), sdk.TooManyRequests);
});

const brokenOff = (status: number) => () => {
  const body = new ReadableStream({
    start(stream) {
      stream.enqueue(new TextEncoder().encode('{"data": '));
      stream.error(new TypeError('terminated'));
    },
  });
  return new Response(body, { status, headers: { 'content-type': 'application/json' } });
};

test('an answer that breaks off is asked for again, unless it is of a change', async () => {
  for (const status of [200, 503]) {
    const server = new Server(brokenOff(status), done);
    assert.deepEqual((await server.api.listOrders()).data, []);
    assert.equal(server.requests.length, 2);
  }
  const lost = new Server(brokenOff(200));
  await assert.rejects(lost.api.changeSettings({ body: {} }), sdk.Unreachable);
  assert.equal(lost.requests.length, 1);
});

test('a pause that the server asks for is kept, unless it is long', async () => {
  const short = new Server(problem(429, 'too_many_requests', { 'retry-after': '7' }), done);
  await short.api.listOrders();
  assert.deepEqual(short.pauses, [7000]);
  const long = new Server(problem(429, 'too_many_requests', { 'retry-after': '3600' }));
  await assert.rejects(long.api.listOrders(), sdk.TooManyRequests);
});

test('a key is never sent in the clear', () => {
  for (const address of ['http://billing.example.com', 'ftp://a.example', 'nothing']) {
    assert.throws(() => new sdk.Perennial('sk_1', address), TypeError);
  }
});

test('a list is walked over all its pages', async () => {
  const pages = [
    { data: [1, 2], next: 'b' },
    { data: [], next: 'c' },
    { data: [3], next: null },
  ];
  const asked: (string | undefined)[] = [];
  const rows: number[] = [];
  const page = async (cursor?: string) => {
    asked.push(cursor);
    return pages[asked.length - 1]!;
  };
  for await (const row of sdk.every<number>(page)) rows.push(row);
  assert.deepEqual(rows, [1, 2, 3]);
  assert.deepEqual(asked, [undefined, 'b', 'c']);
});
