// Finishes a build: compresses the assets, which the server embeds and sends as they are, and records what `dist` was
// built from (one SHA-256 over every source, by name), which a test of the server compares.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

for (const file of readdirSync('dist/assets')) {
  const path = `dist/assets/${file}`;
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  rmSync(path);
}

const sources = ['index.html', 'package-lock.json', 'package.json', 'record-sources.mjs', 'vite.config.js'];
for (const folder of ['examples', 'src']) {
  for (const file of readdirSync(folder)) sources.push(`${folder}/${file}`);
}

const hash = createHash('sha256');
for (const source of sources.sort()) {
  const text = readFileSync(source);
  hash.update(`${source}\0${text.length}\0`);
  hash.update(text);
}
writeFileSync('dist/sources.sha256', `${hash.digest('hex')}\n`);
