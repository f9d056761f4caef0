import './workers.js';
import 'graphiql/style.css';
import './style.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createElement, useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { examples } from './examples.js';
import { Session } from './session.js';

const endpoint = new URL('/graphql', location.href);

function Explorer() {
  const session = useMemo(() => new Session(endpoint), []);
  const [logins, setLogins] = useState([]);
  const [actor, setActor] = useState('');
  const [problem, setProblem] = useState('');

  useEffect(() => {
    fetch('/graphql/explorer/logins.json')
      .then((answer) => (answer.ok ? answer.json() : []))
      .then(setLogins, () => setLogins([]));
  }, []);

  const fetcher = useMemo(() => {
    const socket = new URL('/graphql/ws', location.href);
    socket.protocol = socket.protocol.replace('http', 'ws');
    return createGraphiQLFetcher({
      url: endpoint.href,
      fetch: async (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...(await session.headers()) } }),
      wsClient: createClient({ url: socket.href, lazy: true, connectionParams: () => session.headers() }),
    });
  }, [session]);

  const actAs = async (title) => {
    setActor(title);
    try {
      await session.use(logins.find((login) => login.title === title) ?? null);
      setProblem('');
    } catch (error) {
      setActor('');
      setProblem(error.message);
    }
  };

  return (
    <>
      <header className="bar">
        <strong>Clearlead</strong>
        <a href="/schema.graphql">schema.graphql</a>
        {logins.length > 0 && (
          <label>
            Act as{' '}
            <select value={actor} onChange={(event) => actAs(event.target.value)}>
              <option value="">nobody</option>
              {logins.map((login) => (
                <option key={login.title} value={login.title}>
                  {login.title} ({login.email})
                </option>
              ))}
            </select>
          </label>
        )}
        {problem && <span role="alert">{problem}</span>}
      </header>
      <div className="workbench">
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={examples}
          initialQuery={new URLSearchParams(location.search).get('query') ?? undefined}
          defaultEditorToolsVisibility="variables"
        />
      </div>
    </>
  );
}

createRoot(document.getElementById('explorer')).render(createElement(Explorer));
