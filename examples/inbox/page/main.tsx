import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { client } from './api/client.ts';
import { App } from './components/App.tsx';
import { TeamProvider } from './state/team.tsx';
import { language, t } from './text/index.ts';
import './styles/base.css';
import './styles/controls.css';
import './styles/page.css';
import './styles/list.css';
import './styles/chat.css';
import './styles/composer.css';
import './styles/customer.css';
import './styles/small.css';

document.documentElement.lang = language;
document.title = t.title;

const root = document.querySelector('#root');

if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <ApolloProvider client={client}>
        <TeamProvider>
          <App />
        </TeamProvider>
      </ApolloProvider>
    </StrictMode>,
  );
}
