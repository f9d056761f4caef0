// graphql-inspector: what the server serves breaks nothing of the committed schema.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';

import { assert, run, url } from './report.mjs';
import { ask } from './session.mjs';

const COMMITTED = fileURLToPath(new URL('../../schema.graphql', import.meta.url));
const INSPECTOR = fileURLToPath(new URL('./node_modules/.bin/graphql-inspector', import.meta.url));

function diff(old, current) {
  try {
    return execFileSync(INSPECTOR, ['diff', old, current], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`${error.stdout}${error.stderr}`);
  }
}

await run('graphql-inspector', async (check) => {
  const folder = mkdtempSync(join(tmpdir(), 'clearlead-schema-'));
  const served = join(folder, 'served.graphql');
  writeFileSync(served, await (await fetch(url('/schema.graphql'))).text());
  await check('the served file is the committed one', () => {
    assert.match(diff(COMMITTED, served), /No changes detected/);
  });
  await check('introspection tells the same schema', async () => {
    const { data } = await ask(getIntrospectionQuery());
    const introspected = join(folder, 'introspected.graphql');
    writeFileSync(introspected, printSchema(buildClientSchema(data)));
    assert.doesNotMatch(diff(COMMITTED, introspected), /✖/);
  });
  rmSync(folder, { recursive: true });
});
