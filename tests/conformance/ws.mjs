// npm graphql-ws: the reference client of graphql-transport-ws.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { assert, run, socketUrl } from './report.mjs';
import { WALLET_CHANGED, register } from './session.mjs';

const { organizationId, token } = await register();

function client(connectionParams, options = {}) {
  return createClient({ url: socketUrl(), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, ...options });
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

await run('graphql-ws', async (check) => {
  const member = client({ authorization: `Bearer ${token}` }, { keepAlive: 500 });
  await check('a query', async () => {
    assert.deepEqual(await first(member, '{ __typename }'), { data: { __typename: 'Query' } });
  });
  await check('a subscription tells the present state first', async () => {
    const { data } = await first(member, WALLET_CHANGED);
    assert.equal(data.walletChanged.wallet.organizationId, organizationId);
    assert.ok(data.walletChanged.sequence.length > 0);
  });
  await check('an invalid query is an error of the operation', async () => {
    await assert.rejects(first(member, '{ nothingOfThisName }'), (errors) => {
      assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
      return true;
    });
  });
  await check('the socket answers pings and lives on', async () => {
    const pong = new Promise((resolve) => member.on('pong', resolve));
    const stop = member.subscribe({ query: WALLET_CHANGED }, { next() {}, error() {}, complete() {} });
    await pong;
    stop();
  });
  await check('a wrong token closes with 4403', async () => {
    await assert.rejects(first(client({ authorization: 'Bearer wrong' }), '{ __typename }'), { code: 4403 });
  });
  await check('nobody may follow a wallet', async () => {
    const result = await first(client(), WALLET_CHANGED).catch((errors) => ({ errors }));
    assert.match(result.errors[0].extensions.code, /FORBIDDEN|UNAUTHENTICATED/);
  });
  await member.dispose();
});
