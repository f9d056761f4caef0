// The 61 audits of graphql-http: GraphQL over HTTP. Every one passes; there is no allow list.
import { serverAudits } from 'graphql-http';

import { run, url } from './report.mjs';

const EXPECTED = 61;

await run('graphql-http audits', async (check) => {
  const audits = serverAudits({ url: url() });
  await check(`there are ${EXPECTED} audits`, () => {
    if (audits.length !== EXPECTED) throw new Error(`${audits.length}`);
  });
  for (const audit of audits) {
    await check(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      if (result.status !== 'ok') throw new Error(`${result.status}: ${result.reason}`);
    });
  }
});
