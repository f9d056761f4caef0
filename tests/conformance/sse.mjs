// npm graphql-sse: server-sent events, each operation on a connection of its own.
import { createClient } from 'graphql-sse';

import { assert, run, url } from './report.mjs';
import { WALLET_CHANGED, register } from './session.mjs';

const { organizationId, token } = await register();

function client(headers = {}) {
  return createClient({ url: url(), headers, retryAttempts: 0 });
}

function first(connection, query) {
  return new Promise((resolve, reject) => {
    const stop = connection.subscribe({ query }, {
      next: (result) => {
        resolve(result);
        stop();
      },
      error: reject,
      complete: () => reject(new Error('it ended without a result')),
    });
  });
}

await run('graphql-sse', async (check) => {
  const member = client({ authorization: `Bearer ${token}` });
  await check('a query', async () => {
    assert.deepEqual(await first(member, '{ __typename }'), { data: { __typename: 'Query' } });
  });
  await check('a query comes to its end', async () => {
    const results = [];
    for await (const result of member.iterate({ query: '{ __typename }' })) results.push(result);
    assert.equal(results.length, 1);
  });
  await check('a subscription tells the present state first', async () => {
    const { data } = await first(member, WALLET_CHANGED);
    assert.equal(data.walletChanged.wallet.organizationId, organizationId);
  });
  await check('an invalid query says so', async () => {
    const { errors } = await first(member, '{ nothingOfThisName }');
    assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  });
  await check('a wrong token is refused', async () => {
    await assert.rejects(first(client({ authorization: 'Bearer wrong' }), '{ __typename }'));
  });
  member.dispose();
});
