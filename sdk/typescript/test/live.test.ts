import assert from 'node:assert/strict';
import test from 'node:test';

import { every, Invalid, NotFound, Perennial, Unauthenticated } from '../src/index.js';

const { PERENNIAL_ADDRESS: address, PERENNIAL_API_KEY: key } = process.env;
const skip = address && key ? false : 'needs PERENNIAL_ADDRESS and PERENNIAL_API_KEY';

test('an installation is asked, over all kinds of answers', { skip }, async () => {
  const api = new Perennial(key!, address!);
  const product = await api.createProduct({
    body: {
      name: 'Course',
      gateways: ['sandbox'],
      price_points: [
        { type: 'recurring', price: { amount: 2999, currency: 'USD' }, period: '1m' },
      ],
    },
  });
  const names: string[] = [];
  const pages = every((cursor) => api.listProducts({ query: { limit: 1, cursor } }));
  for await (const each of pages) names.push(each.id);
  assert.ok(names.includes(product.id) && names.length > 1);
  const changed = await api.changeProduct({ path: { product: product.id }, body: { name: 'B' } });
  assert.equal(changed.name, 'B');
  await api.archiveProduct({ path: { product: product.id } });
  assert.match(await api.downloadCoupons(), /code/);
  for await (const invoice of every((cursor) => api.listInvoices({ query: { cursor } }))) {
    const pdf = await api.downloadInvoice({ path: { invoice: invoice.id } });
    assert.ok((await (pdf as Blob).text()).startsWith('%PDF'));
    break;
  }
  await assert.rejects(api.showProduct({ path: { product: 'prod_another' } }), NotFound);
  await assert.rejects(api.changeSettings({ body: { notice_days: -1 } }), Invalid);
  await assert.rejects(new Perennial('sk_wrong', address!).listOrders(), Unauthenticated);
});
