// A call as a storefront writes it, with a client that is generated from the service's own description: it must compile with what is
// required and nothing more, and be answered. The address enters as an argument.
import createClient from 'openapi-fetch';
import type { paths } from './api.js';

declare const process: { argv: string[]; exit(code: number): never };

const client = createClient<paths>({ baseUrl: process.argv[2] ?? '' });

const { data, error } = await client.POST('/v1/recommendations', {
  body: { history: [{ item: 'novel', time: 1730807061 }] },
});
if (!data) {
  console.error(error.error_code, error.message);
  process.exit(1);
}
for (const { handle, score } of data.items) {
  if (typeof handle !== 'string' || typeof score !== 'number') process.exit(2);
}

const related = await client.POST('/v1/related', { body: { item: 'novel', limit: 3 } });
const ranked = await client.POST('/v1/rank', {
  body: { history: [], candidates: ['novel', 'atlas'] },
});
const catalog = await client.GET('/v1/catalog');
if (related.data?.items.length !== 3 || !ranked.data || !catalog.data) process.exit(3);
console.log(`${data.source}: ${data.items.length} products of ${catalog.data.products.length}`);
