// graphql-eslint: the recommended rules for schemas, and those of Relay.
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { run } from './report.mjs';

const committed = fileURLToPath(new URL('../../schema.graphql', import.meta.url));
// ESLint looks only below its own configuration.
const copy = fileURLToPath(new URL('./schema.graphql', import.meta.url));

await run('graphql-eslint', async (check) => {
  copyFileSync(committed, copy);
  process.env.SCHEMA = copy;
  const { ESLint } = await import('eslint');
  const [result] = await new ESLint({ cwd: fileURLToPath(new URL('.', import.meta.url)) }).lintFiles(['schema.graphql']);
  rmSync(copy);
  const byRule = Map.groupBy ? Map.groupBy(result.messages, (message) => message.ruleId) : group(result.messages);
  await check('every rule holds', () => {
    const lines = [...byRule].map(([rule, found]) => `${rule}: ${found.length}, first at line ${found[0].line}: ${found[0].message}`);
    if (lines.length > 0) throw new Error(`\n  ${lines.join('\n  ')}`);
  });
});

function group(messages) {
  const groups = new Map();
  for (const message of messages) groups.set(message.ruleId, [...(groups.get(message.ruleId) ?? []), message]);
  return groups;
}
