// Apollo Client: queries, persisted queries by GET, errors by class, subscriptions over multipart.
import { createHash } from 'node:crypto';

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

import { assert, run, url } from './report.mjs';
import { LOG_OUT_NOBODY, WALLET_CHANGED, register } from './session.mjs';

const { organizationId, token } = await register();
const headers = { authorization: `Bearer ${token}` };

function client(link) {
  return new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } } });
}

const SERVER = gql`query Server { server { version } }`;

await run('Apollo Client', async (check) => {
  const plain = client(new HttpLink({ uri: url(), headers }));
  await check('a query', async () => {
    const { data } = await plain.query({ query: SERVER });
    assert.match(data.server.version, /^\d+\.\d+\.\d+$/);
  });
  await check('a mutation', async () => {
    const { data } = await plain.mutate({ mutation: gql(LOG_OUT_NOBODY) });
    assert.ok(Array.isArray(data.sessionEnd.userErrors));
  });
  await check('an invalid query rejects with the errors of GraphQL', async () => {
    await assert.rejects(plain.query({ query: gql`{ nothingOfThisName }` }), (error) => {
      assert.ok(CombinedGraphQLErrors.is(error), String(error));
      assert.equal(error.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
      return true;
    });
  });
  await check('a persisted query goes by its hash, by GET, and once in full', async () => {
    const requests = [];
    const spy = (address, init) => {
      requests.push({ method: init.method, full: /[?&]query=/.test(address) || /"query"/.test(init.body ?? '') });
      return fetch(address, init);
    };
    const sha256 = (text) => createHash('sha256').update(text).digest('hex');
    const hashed = client(
      ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
        new HttpLink({ uri: url(), headers, fetch: spy }),
      ]),
    );
    const query = gql(`query Persisted${Date.now()} { server { version } }`);
    for (let turn = 0; turn < 2; turn += 1) {
      const { data } = await hashed.query({ query });
      assert.ok(data.server.version);
    }
    assert.deepEqual(requests.map(({ method, full }) => `${method}${full ? ' in full' : ''}`), [
      'GET',
      'POST in full',
      'GET',
    ]);
  });
  await check('a subscription over multipart', async () => {
    const update = await new Promise((resolve, reject) => {
      const subscription = plain.subscribe({ query: gql(WALLET_CHANGED) }).subscribe({
        next: (result) => {
          resolve(result);
          subscription.unsubscribe();
        },
        error: reject,
        complete: () => reject(new Error('it ended without a result')),
      });
    });
    assert.equal(update.data.walletChanged.wallet.organizationId, organizationId);
  });
  plain.stop();
});
