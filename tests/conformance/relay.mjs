// relay-compiler compiles a fixture against the schema that the server publishes: ids, connections and errors are Relay's.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assert, run, url } from './report.mjs';

const compiler = createRequire(import.meta.url)('relay-compiler');

await run('relay-compiler', async (check) => {
  const folder = mkdtempSync(join(tmpdir(), 'clearlead-relay-'));
  await check('the fixture compiles', async () => {
    cpSync(new URL('./relay', import.meta.url), folder, { recursive: true });
    writeFileSync(join(folder, 'schema.graphql'), await (await fetch(url('/schema.graphql'))).text());
    const config = join(folder, 'relay.config.json');
    writeFileSync(config, JSON.stringify({ src: './src', schema: './schema.graphql', language: 'javascript' }));
    try {
      execFileSync(compiler, [config], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      throw new Error(`${error.stdout}${error.stderr}`);
    }
    assert.ok(readdirSync(join(folder, 'src', '__generated__')).length > 0);
  });
  rmSync(folder, { recursive: true });
});
