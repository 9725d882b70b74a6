import type { ChatFilter, ChatStatus, TeamQuery } from './gql/graphql.ts';
import { statuses } from './words.ts';

const offered = [
  'NEW',
  'OPENED',
  'PENDING',
  'ON_HOLD',
  'CLOSED',
] as const satisfies readonly ChatStatus[];

interface Properties {
  readonly filter: ChatFilter;
  readonly agents: TeamQuery['agents'];
  readonly onChange: (filter: ChatFilter) => void;
}

/** The gateway rejects null in filters, so unset conditions are omitted. */
const filterOf = ({ status, assigneeId }: ChatFilter): ChatFilter => ({
  ...(status == null ? {} : { status }),
  ...(assigneeId == null ? {} : { assigneeId }),
});

export function Filters({ filter, agents, onChange }: Properties) {
  return (
    <form className="filters" aria-label="Filters">
      <fieldset>
        <legend className="unseen">Status</legend>
        <label>
          <input
            type="radio"
            name="status"
            checked={filter.status == null}
            onChange={() => onChange(filterOf({ ...filter, status: null }))}
          />
          <span>All</span>
        </label>
        {offered.map((status) => (
          <label key={status}>
            <input
              type="radio"
              name="status"
              checked={filter.status === status}
              onChange={() => onChange({ ...filter, status })}
            />
            <span>{statuses[status]}</span>
          </label>
        ))}
      </fieldset>
      <label className="who">
        Assigned to
        <select
          value={filter.assigneeId ?? ''}
          onChange={({ target: { value } }) =>
            onChange(filterOf({ ...filter, assigneeId: value === '' ? null : value }))
          }
        >
          <option value="">anyone</option>
          {agents?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name ?? `Agent ${id}`}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}
