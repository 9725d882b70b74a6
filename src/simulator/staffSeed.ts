import type {
  AgentRow,
  AgentRole,
  ApplicationRow,
  DepartmentRow,
  OrganizationRow,
} from './entities.ts';
import {
  englishFirstNames,
  englishLastNames,
  ukrainianFirstNames,
  ukrainianLastNames,
} from './names.ts';
import { createRandom } from './random.ts';

/** Everything of the account that no call can change. */
export interface Staff {
  readonly agents: readonly AgentRow[];
  readonly bot: AgentRow;
  readonly departments: readonly DepartmentRow[];
  readonly applications: readonly ApplicationRow[];
  readonly organization: OrganizationRow;
}

const staffSequence = 1;
const agentCount = 40;
const firstAgentId = 11;
const firstDepartmentId = 3;
const departmentNames = [
  'Продажі',
  'Доставка',
  'Оплата',
  'Повернення',
  'Технічна підтримка',
  'Night shift',
];

// The bot is listed as an ordinary agent with the role of an admin.
const bot: AgentRow = { id: 2, name: 'HelpBot', email: 'helpbot@example.com', role: 'admin' };

const roleWeights: readonly (readonly [AgentRole, number])[] = [
  ['agent', 26],
  ['agentChatOnly', 7],
  ['superviser', 4],
  ['admin', 2],
];

/** The people are the same for every account of one seed, whenever it starts. */
export function seedStaff(seed: number): Staff {
  const random = createRandom(seed, staffSequence);
  const people = Array.from({ length: agentCount - 1 }, (_, index): AgentRow => {
    const [first, firstLatin] = random.pick(ukrainianFirstNames);
    const [last, lastLatin] = random.pick(ukrainianLastNames);
    const englishName = `${random.pick(englishFirstNames)} ${random.pick(englishLastNames)}`;
    const id = firstAgentId + index;
    return {
      id,
      name: random.weighted([
        [`${first} ${last}`, 5],
        [`${firstLatin} ${lastLatin}`, 3],
        [englishName, 2],
      ]),
      email: `agent${id}@example.com`,
      // The first four show every role, however the dice fall.
      role: roleWeights[index]?.[0] ?? random.weighted(roleWeights),
    };
  });
  const agents = [bot, ...people];
  const departments = departmentNames.map((name, index) => ({
    id: firstDepartmentId + index,
    name,
    agents: people.filter(
      (_, place) => place % departmentNames.length === index || random.isLucky(0.1),
    ),
  }));
  return { agents, bot, departments, applications, organization };
}

const applications: readonly ApplicationRow[] = [
  { id: 1, name: 'mail-box', displayName: 'Пошта підтримки', type: 'email', active: true },
  { id: 2, name: 'site-widget', displayName: 'Site widget', type: 'web', active: true },
  { id: 3, name: 'telegram-bot', displayName: 'Telegram', type: 'telegram', active: true },
  { id: 4, name: 'instagram-page', displayName: 'Instagram', type: 'instagram', active: true },
  { id: 5, name: 'old-widget', displayName: 'Старий віджет', type: 'web', active: false },
];

const organization: OrganizationRow = {
  id: 501,
  domain: 'demo-shop',
  teamOnline: true,
  chatEnabled: true,
};
