const files = import.meta.glob('../examples/*.graphql', { eager: true, query: '?raw', import: 'default' });
const variables = import.meta.glob('../examples/*.json', { eager: true, query: '?raw', import: 'default' });

// One tab per example, in the order of the file names.
export const examples = Object.keys(files)
  .sort()
  .map((file) => ({ query: files[file], variables: variables[file.replace(/graphql$/, 'json')] ?? null }));
