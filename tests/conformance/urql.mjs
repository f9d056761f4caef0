// urql: queries by GET, and subscriptions as server-sent events through its own fetch exchange.
import { Client, fetchExchange, gql } from '@urql/core';

import { assert, run, url } from './report.mjs';
import { LOG_OUT_NOBODY, WALLET_CHANGED, register } from './session.mjs';

const { organizationId, token } = await register();

await run('urql', async (check) => {
  const methods = [];
  const client = new Client({
    url: url(),
    exchanges: [fetchExchange],
    preferGetMethod: 'force',
    fetchSubscriptions: true,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    fetch: (address, init) => {
      methods.push(init.method);
      return fetch(address, init);
    },
  });
  await check('a query by GET', async () => {
    const { data, error } = await client.query(gql`query Server { server { version } }`, {}).toPromise();
    assert.equal(error, undefined);
    assert.match(data.server.version, /^\d+\.\d+\.\d+$/);
    assert.equal(methods.at(-1), 'GET');
  });
  await check('a mutation by POST', async () => {
    const { data } = await client.mutation(gql(LOG_OUT_NOBODY), {}).toPromise();
    assert.ok(Array.isArray(data.sessionEnd.userErrors));
    assert.equal(methods.at(-1), 'POST');
  });
  await check('an error of GraphQL', async () => {
    const { error } = await client.query(gql`{ nothingOfThisName }`, {}).toPromise();
    assert.equal(error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  });
  await check('a subscription as server-sent events', async () => {
    const result = await new Promise((resolve) => {
      const { unsubscribe } = client.subscription(gql(WALLET_CHANGED), {}).subscribe((update) => {
        resolve(update);
        setTimeout(() => unsubscribe());
      });
    });
    assert.equal(result.error, undefined);
    assert.equal(result.data.walletChanged.wallet.organizationId, organizationId);
  });
});
