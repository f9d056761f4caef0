const LOG_IN = `mutation LogIn($input: SessionCreateInput!) {
  sessionCreate(input: $input) { session { accessToken } userErrors { message } }
}`;

// Access tokens live 15 minutes; a new one is fetched well before that.
const RENEW_AFTER_MS = 10 * 60 * 1000;

// Whose permissions the explorer's requests carry. Tokens stay in memory.
export class Session {
  #endpoint;
  #login = null;
  #token = null;
  #since = 0;

  constructor(endpoint) {
    this.#endpoint = endpoint;
  }

  async use(login) {
    this.#login = login;
    this.#token = null;
    if (login) await this.#renew();
  }

  async headers() {
    if (!this.#login) return {};
    if (Date.now() - this.#since > RENEW_AFTER_MS) await this.#renew();
    return { authorization: `Bearer ${this.#token}` };
  }

  async #renew() {
    const { email, password } = this.#login;
    const answer = await fetch(this.#endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: LOG_IN, variables: { input: { email, password } } }),
    });
    const { data, errors } = await answer.json();
    const token = data?.sessionCreate?.session?.accessToken;
    if (!token) {
      const refusals = data?.sessionCreate?.userErrors ?? errors ?? [];
      throw new Error(refusals.map((refusal) => refusal.message).join('; ') || 'the log-in failed');
    }
    this.#token = token;
    this.#since = Date.now();
  }
}
