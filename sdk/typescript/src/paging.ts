/** A page of a list; `next` is null at its end. */
export interface Page<Row> {
  data: Row[];
  next: string | null;
}

/**
 * Yields each row of a list, over all its pages.
 *
 *     for await (const order of every((cursor) => perennial.listOrders({ query: { cursor } }))) ..
 *
 * The list of events takes the cursor as `after`.
 */
export async function* every<Row>(
  page: (cursor: string | undefined) => PromiseLike<Page<Row>>,
): AsyncGenerator<Row> {
  let cursor: string | undefined;
  for (;;) {
    const { data, next } = await page(cursor);
    yield* data;
    if (next === null || next === cursor) return;
    cursor = next;
  }
}
