import type { Address } from '../../state/address.ts';
import { openStatuses, replaceWith } from '../../state/address.ts';
import { useTeam } from '../../state/team.tsx';
import { t } from '../../text/index.ts';
import type { Choice } from '../Picker.tsx';
import { Picker } from '../Picker.tsx';

interface FilterProperties {
  readonly address: Address;
  /** The condition of the address. */
  readonly name: 'status' | 'agentId' | 'departmentId';
  readonly label: string;
  readonly any: string;
  readonly choices: readonly Choice[];
}

function Filter({ address, name, label, any, choices }: FilterProperties) {
  const selectedId = address[name];
  const selected = choices.find(({ id }) => id === selectedId);
  return (
    <Picker
      className={selected === undefined ? 'filter' : 'filter chosen'}
      label={label}
      choices={[{ id: '', name: any }, ...choices]}
      selectedId={selectedId ?? ''}
      onSelect={(id) => replaceWith({ ...address, [name]: id })}
    >
      <span className="value" dir="auto">
        {selected?.name ?? label}
      </span>
    </Picker>
  );
}

/** The conditions are in the URL, so that they survive a reload and can be shared. */
export function Filters({ address }: { readonly address: Address }) {
  const { agents, departments } = useTeam();
  const { view } = address;
  return (
    <div className="filters" role="group" aria-label={t.filters}>
      {view !== 'closed' && (
        <Filter
          address={address}
          name="status"
          label={t.setStatus}
          any={t.anyStatus}
          choices={openStatuses.map((id) => ({ id, name: t.status[id] }))}
        />
      )}
      {view !== 'mine' && (
        <Filter
          address={address}
          name="agentId"
          label={t.assignedTo}
          any={t.anyAgent}
          choices={agents}
        />
      )}
      <Filter
        address={address}
        name="departmentId"
        label={t.department}
        any={t.anyDepartment}
        choices={departments}
      />
    </div>
  );
}
