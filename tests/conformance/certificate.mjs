// The certificate of a hosted form's consent, checked as anybody can: with the built-in `crypto` and the key that the exchange publishes.
import { createHash, createPublicKey, randomInt, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { assert, run, url } from './report.mjs';
import { ask, register } from './session.mjs';

const CREATE = `mutation Create($input: FormCreateInput!) {
  formCreate(input: $input) { form { id } userErrors { code message path } }
}`;
const PUBLISH = `mutation Publish($input: FormPublishInput!) {
  formPublish(input: $input) { form { publishedVersion } userErrors { code message path } }
}`;
const LEADS = '{ leads(first: 1) { edges { node { consentCertificate { id payload signature keyId } } } } }';

const { token } = await register();

function unpadded(text) {
  return Buffer.from(text, 'base64url');
}

async function get(path) {
  const answer = await fetch(url(path), { headers: { accept: 'application/json' } });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

async function publishedForm() {
  const content = JSON.parse(await readFile(new URL('form.json', import.meta.url)));
  const made = await ask(CREATE, { input: { name: 'Conformance', vertical: 'travel/tour', content } }, token);
  const { form, userErrors } = made.data?.formCreate ?? {};
  assert.ok(form, JSON.stringify(made.errors ?? userErrors));
  const published = await ask(PUBLISH, { input: { formId: form.id } }, token);
  assert.equal(published.data?.formPublish?.form?.publishedVersion, 1, JSON.stringify(published));
  return form.id;
}

// Opens the form and sends it, as a browser without JavaScript does; answers the certificate's id.
async function filled(form) {
  const opened = await (await fetch(url(`/f/${form}`))).text();
  const ticket = /name="_ticket" value="([^"]+)"/.exec(opened)[1];
  const body = new URLSearchParams({
    destination_country: 'Greece',
    nights: '7',
    adults: '2',
    name: 'Kari Nordmann',
    phone: `9${randomInt(1_000_000, 10_000_000)}`,
    _consent: 'yes',
    _ticket: ticket,
  });
  const sent = await fetch(url(`/f/${form}`), { method: 'POST', body, redirect: 'manual' });
  assert.equal(sent.status, 303, await sent.text());
  return new URL(sent.headers.get('location'), url()).searchParams.get('c');
}

// Whether one of the published keys signed these words.
function isSigned({ payload, signature, key_id: keyId }, { keys }) {
  const jwk = keys.find((key) => key.kid === keyId);
  if (!jwk) return false;
  const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' });
  return verify(null, Buffer.from(payload), key, unpadded(signature));
}

// Whether the words that were shown are those that the certificate is about.
function isAbout({ payload, shown_text: text }) {
  return JSON.parse(payload).shown.text_sha256 === createHash('sha256').update(text).digest('hex');
}

function otherBit(text) {
  const bytes = unpadded(text);
  bytes[0] ^= 1;
  return bytes.toString('base64url');
}

await run('node:crypto certificates', async (check) => {
  const certificate = await get(`/certificates/${await filled(await publishedForm())}`);
  const keys = await get('/certificates/keys');
  await check('a published key signed it', () => {
    assert.equal(certificate.algorithm, 'Ed25519');
    assert.ok(isSigned(certificate, keys));
    assert.ok(certificate.valid);
  });
  await check('it is about the words that were shown', () => {
    assert.ok(isAbout(certificate));
    assert.match(certificate.shown_text, /Yes, call me about tours that fit my answers\./);
  });
  await check('the seller sees the same', async () => {
    const { data } = await ask(LEADS, {}, token);
    const { id, payload, signature, key_id: keyId } = certificate;
    assert.deepEqual(data.leads.edges[0].node.consentCertificate, { id, payload, signature, keyId });
  });
  await check('a tampered copy is refused', () => {
    const later = certificate.payload.replace(/"seconds_after_shown":\d+/, '"seconds_after_shown":3600');
    assert.notEqual(later, certificate.payload);
    assert.ok(!isSigned({ ...certificate, payload: later }, keys));
    assert.ok(!isSigned({ ...certificate, payload: `${certificate.payload} ` }, keys));
    assert.ok(!isSigned({ ...certificate, signature: otherBit(certificate.signature) }, keys));
    assert.ok(!isSigned({ ...certificate, key_id: 'another' }, keys));
    assert.ok(!isAbout({ ...certificate, shown_text: certificate.shown_text.replace('Yes', 'No') }));
  });
  await check('it names nobody', () => {
    assert.ok(!JSON.stringify(certificate).includes('Nordmann'));
  });
});
