import { budget, connection } from '../api/client.ts';
import { changeSettings } from '../state/settings.ts';
import { useSignal } from '../state/signal.ts';
import { useTeam } from '../state/team.tsx';
import { t } from '../text/index.ts';
import { Icon } from './Icon.tsx';
import { Picker } from './Picker.tsx';

function Connection() {
  const state = useSignal(connection);
  return (
    <span className="connection" data-state={state} role="status">
      {t.connection[state]}
    </span>
  );
}

function Budget() {
  const left = useSignal(budget);
  if (left === undefined || left.limit === 0) return null;
  const { remaining, limit } = left;
  return (
    <span className="budget" title={t.budgetHint}>
      <span id="budget">{t.budget}</span>
      <meter aria-labelledby="budget" min={0} max={limit} low={limit / 5} value={remaining} />
      <span className="figure">
        {remaining}
        <span className="of">/{limit}</span>
      </span>
    </span>
  );
}

export function MePicker() {
  const { agents, me } = useTeam();
  return (
    <Picker
      className={me === undefined ? 'me primary' : 'me'}
      label={t.chooseYou}
      choices={agents}
      selectedId={me?.id}
      onSelect={(agentId) => changeSettings({ agentId })}
    >
      <Icon name="person" />
      <span className="unseen">{me === undefined ? '' : `${t.you}: `}</span>
      <span className="value" dir="auto">
        {me?.name ?? t.chooseYou}
      </span>
    </Picker>
  );
}

export function TopBar({ onHelp }: { readonly onHelp: () => void }) {
  const { isOperator, isMeSelected } = useTeam();
  return (
    <header className="top">
      <p className="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="9" />
          <path d="M8 11h16M8 16h11M8 21h7" />
        </svg>
        <span aria-hidden="true">{t.title}</span>
      </p>
      {isOperator && <Budget />}
      <Connection />
      {isMeSelected && <MePicker />}
      <button type="button" className="square" aria-label={t.menu} onClick={onHelp}>
        <Icon name="gear" />
      </button>
    </header>
  );
}
