// An organization of our own on the server under test, so that every client has somebody to be and something to follow.
import { url } from './report.mjs';

const REGISTER = `mutation Register($input: OrganizationRegisterInput!) {
  organizationRegister(input: $input) {
    organization { id }
    session { accessToken }
    userErrors { code message path }
  }
}`;

export async function ask(query, variables, token) {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(url(), { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return answer.json();
}

export async function register() {
  const unique = `${Date.now()}${Math.floor(Math.random() * 1e6)}`;
  const input = {
    name: `Conformance ${unique}`,
    country: 'PT',
    ownerName: 'Conformance',
    email: `conformance-${unique}@clearlead.example`,
    password: `correct horse ${unique}`,
  };
  const { data, errors } = await ask(REGISTER, { input });
  const { organization, session, userErrors } = data?.organizationRegister ?? {};
  if (!session) throw new Error(`cannot register: ${JSON.stringify(errors ?? userErrors)}`);
  return { organizationId: organization.id, token: session.accessToken };
}

// What a follower of this wallet is told first: its present state.
export const WALLET_CHANGED = 'subscription Wallet { walletChanged { sequence wallet { organizationId } } }';

// A mutation that anybody may send and that changes nothing: the token is nobody's.
export const LOG_OUT_NOBODY = 'mutation LogOut { sessionEnd(input: { refreshToken: "of nobody" }) { userErrors { code } } }';
