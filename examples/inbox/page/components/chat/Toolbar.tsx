import { useApolloClient } from '@apollo/client/react';
import { useLayoutEffect, useRef } from 'react';
import type { ChatRowFragment, SettableChatStatus } from '../../gql/graphql.ts';
import { isSnoozed } from '../../state/address.ts';
import {
  assign,
  closeWithUndo,
  move,
  setStatus,
  snooze,
  take,
  unsnooze,
} from '../../state/chatWrites.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { useTeam } from '../../state/team.tsx';
import { dayAndTime } from '../../text/dates.ts';
import { t } from '../../text/index.ts';
import { assigneeName } from '../../text/names.ts';
import { Icon } from '../Icon.tsx';
import { Picker } from '../Picker.tsx';
import { snoozePresets } from './snoozePresets.ts';

interface Properties {
  readonly chat: ChatRowFragment;
  readonly isOpen: boolean;
  readonly onRead: () => void;
}

const settable = [
  'NEW',
  'OPENED',
  'PENDING',
  'ON_HOLD',
  'CLOSED',
] as const satisfies readonly SettableChatStatus[];

/** Two buttons that replace each other. The focus stays at their place. */
function SnoozeButton({ chat }: { readonly chat: ChatRowFragment }) {
  const client = useApolloClient();
  const { id } = chat;
  const button = useRef<HTMLButtonElement>(null);
  const isAsleep = isSnoozed(chat);
  const wasAsleep = useRef(isAsleep);
  useLayoutEffect(() => {
    if (wasAsleep.current !== isAsleep && document.activeElement === document.body) {
      button.current?.focus();
    }
    wasAsleep.current = isAsleep;
  }, [isAsleep]);
  if (isAsleep) {
    return (
      <button ref={button} type="button" onClick={() => void unsnooze(client, id)}>
        <Icon name="clock" /> {t.wakeUp}
      </button>
    );
  }
  const presets = snoozePresets(new Date());
  return (
    <Picker
      button={button}
      label={t.snooze}
      choices={presets.map(({ name, until }) => ({
        id: name,
        name: t.snoozePreset[name],
        detail: dayAndTime(until.toISOString()),
      }))}
      onSelect={(name) => {
        const preset = presets.find((known) => known.name === name);
        if (preset !== undefined) void snooze(client, id, preset.until);
      }}
    >
      <Icon name="clock" /> {t.snooze}
    </Picker>
  );
}

function AssigneePicker({ chat: { id, assignee } }: Pick<Properties, 'chat'>) {
  const client = useApolloClient();
  const { agents, me } = useTeam();
  const button = useRef<HTMLButtonElement>(null);
  const canTake = me !== undefined && assignee?.id !== me.id;
  const takeIt = () => {
    // The user sees the agent from whom it is taken.
    if (canTake) void (assignee === null ? take : assign)(client, id, me);
  };
  useShortcuts({ a: () => button.current?.click(), t: takeIt });
  return (
    <>
      <Picker
        button={button}
        label={t.assign}
        choices={[{ id: '', name: t.unassigned }, ...agents]}
        selectedId={assignee?.id ?? ''}
        onSelect={(agentId) =>
          void assign(
            client,
            id,
            agents.find((agent) => agent.id === agentId),
          )
        }
      >
        <Icon name="person" />
        <span className="unseen">{t.assignedTo}: </span>
        <span className="value" dir="auto">
          {assigneeName(assignee)}
        </span>
      </Picker>
      {canTake && (
        <button
          type="button"
          onClick={() => {
            takeIt();
            // This button disappears.
            button.current?.focus();
          }}
        >
          {t.takeIt}
        </button>
      )}
    </>
  );
}

/** What an agent can do with a chat besides writing and closing. */
export function Toolbar({ chat, isOpen, onRead }: Properties) {
  const client = useApolloClient();
  const { departments } = useTeam();
  const { id, department, status } = chat;
  return (
    <div id="toolbar" className="toolbar" role="group" aria-label={t.actions} data-open={isOpen}>
      <AssigneePicker chat={chat} />
      <Picker
        label={t.department}
        choices={departments}
        selectedId={department?.id}
        onSelect={(departmentId) => {
          const target = departments.find((known) => known.id === departmentId);
          if (target !== undefined) void move(client, id, target);
        }}
      >
        <span className="unseen">{t.department}: </span>
        <span className="value" dir="auto">
          {department?.name ?? t.noDepartment}
        </span>
      </Picker>
      <Picker
        label={t.setStatus}
        choices={settable.map((value) => ({ id: value, name: t.status[value] }))}
        selectedId={status}
        onSelect={(value) => {
          const target = settable.find((known) => known === value);
          if (target === 'CLOSED') closeWithUndo(client, id);
          else if (target !== undefined) void setStatus(client, id, target);
        }}
      >
        <span className="unseen">{t.setStatus}: </span>
        <span className="value">{t.status[status]}</span>
      </Picker>
      <SnoozeButton chat={chat} />
      <button type="button" onClick={onRead}>
        {chat.readByAgent === false ? t.markRead : t.markUnread}
      </button>
    </div>
  );
}
