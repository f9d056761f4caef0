// Counts checks. Each script prints a line per failure and, at the end, `TOTAL passed failed` for run.sh to add up.
import assert from 'node:assert/strict';

export { assert };

export function url(path = '/graphql') {
  const server = process.env.CLEARLEAD_URL;
  if (!server) throw new Error('set CLEARLEAD_URL to the running server, such as http://127.0.0.1:8080');
  return new URL(path, server).href;
}

export function socketUrl() {
  return url('/graphql/ws').replace(/^http/, 'ws');
}

export async function run(title, body) {
  let passed = 0;
  let failed = 0;
  const check = async (name, test) => {
    try {
      await within(20_000, test());
      passed += 1;
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${title}: ${name}: ${error?.message ?? error}`);
    }
  };
  await body(check);
  console.log(`${title}: ${passed} passed, ${failed} failed`);
  console.log(`TOTAL ${passed} ${failed}`);
  process.exit(failed === 0 ? 0 : 1);
}

async function within(millis, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${millis} ms`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
