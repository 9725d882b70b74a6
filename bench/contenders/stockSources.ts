import type { AugmentedRequest, DataSourceConfig } from '@apollo/datasource-rest';
import { RESTDataSource } from '@apollo/datasource-rest';
import DataLoader from 'dataloader';

export interface WireAgent {
  readonly id: number;
}

export interface WireDepartment {
  readonly id: number;
  /** Not there in the department that a chat carries. */
  readonly agents?: readonly WireAgent[];
}

export interface WireApplication {
  readonly id: number;
}

export interface WireCustomer {
  readonly id: number;
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
}

export interface WireChat {
  readonly id: number;
  readonly closedAt: string | null;
  readonly createdAt: string;
  readonly lastMessageAt: string | null;
  readonly lastCustomerMessageAt: string | null;
  readonly snoozedUntil: string | null;
  readonly applicationId: number | null;
  readonly lastCommunicatedAgentId: number | null;
  readonly customer: { readonly id: number } | null;
  readonly department: WireDepartment | null;
}

export interface WireMessage {
  readonly id: number;
  readonly chat: number;
  readonly createdAt: string;
  readonly updatedAt: string | null;
}

/** A list, with its total where this resource keeps it. */
export interface WireList<Row> {
  readonly data: readonly Row[];
  readonly total?: number;
  readonly meta?: { readonly total: number };
}

export interface Condition {
  readonly field: string;
  readonly operator: '=' | '!=' | '~';
  readonly value: string | number;
}

export interface Search {
  readonly comparison: 'AND' | 'OR';
  readonly filter: readonly Condition[];
  readonly sort: string;
  readonly order: 'asc' | 'desc';
  readonly offset: number;
  readonly limit: number;
}

export interface SourceOptions extends DataSourceConfig {
  readonly url: string;
  readonly key: string;
}

const whole = { limit: '100' };

/** What all the sources below share: the address, the key in a header, and how a list is asked for. */
abstract class HelpCrunchAPI extends RESTDataSource {
  override readonly baseURL: string;
  readonly #key: string;

  constructor({ url, key, ...config }: SourceOptions) {
    super(config);
    this.baseURL = `${url}/`;
    this.#key = key;
  }

  override willSendRequest(_path: string, request: AugmentedRequest): void {
    request.headers['authorization'] = `Bearer ${this.#key}`;
  }

  protected list<Row>(path: string, search: Search): Promise<WireList<Row>> {
    if (search.filter.length > 0) return this.post(`${path}/search`, { body: search });
    const { sort, order, offset, limit } = search;
    const params = { sort, order, offset: String(offset), limit: String(limit) };
    return this.get(path, { params });
  }
}

export class ChatsAPI extends HelpCrunchAPI {
  getChat(id: string | number): Promise<WireChat> {
    return this.get(`chats/${encodeURIComponent(id)}`);
  }

  getChats(search: Search): Promise<WireList<WireChat>> {
    return this.list('chats', search);
  }

  getMessages(id: number, offset: number, limit: number): Promise<WireList<WireMessage>> {
    const params = { offset: String(offset), limit: String(limit) };
    return this.get(`chats/${id}/messages`, { params });
  }

  markRead(endpoint: string, id: string, read: boolean): Promise<WireChat> {
    return this.put(`chats/${endpoint}`, { body: { id: Number(id), read } });
  }
}

export class CustomersAPI extends HelpCrunchAPI {
  getCustomer(id: string | number): Promise<WireCustomer> {
    return this.get(`customers/${encodeURIComponent(id)}`);
  }

  async getCustomerByUserId(userId: string): Promise<WireCustomer | null> {
    const filter = [{ field: 'customers.userId', operator: '=', value: userId }];
    const { data } = await this.post<WireList<WireCustomer>>('customers/search', {
      body: { filter, limit: 1 },
    });
    return data[0] ?? null;
  }

  getCustomers(search: Search): Promise<WireList<WireCustomer>> {
    return this.list('customers', search);
  }
}

/** As the documentation's example of a DataLoader inside a data source, on the search that finds many ids at once. */
export class BatchingCustomersAPI extends CustomersAPI {
  readonly #customers = new DataLoader<number, WireCustomer>(
    async (ids) => {
      const filter = ids.map((id) => ({ field: 'customers.id', operator: '=', value: id }));
      const { data } = await this.post<WireList<WireCustomer>>('customers/search', {
        body: { comparison: 'OR', filter, limit: 100 },
      });
      const byId = new Map(data.map((customer) => [customer.id, customer]));
      return ids.map((id) => byId.get(id) ?? new Error(`There is no customer ${id}.`));
    },
    { maxBatchSize: 100 },
  );

  override getCustomer(id: string | number): Promise<WireCustomer> {
    return this.#customers.load(Number(id));
  }
}

/** Agents, departments, channels: HelpCrunch serves them as lists only, so a single one is selected from its list. */
export class TeamAPI extends HelpCrunchAPI {
  async getAgents(): Promise<readonly WireAgent[]> {
    return (await this.get<WireList<WireAgent>>('agents', { params: whole })).data;
  }

  async getAgent(id: number): Promise<WireAgent | undefined> {
    return (await this.getAgents()).find((agent) => agent.id === id);
  }

  async getDepartments(): Promise<readonly WireDepartment[]> {
    return (await this.get<WireList<WireDepartment>>('departments', { params: whole })).data;
  }

  async getDepartment(id: number): Promise<WireDepartment | undefined> {
    return (await this.getDepartments()).find((department) => department.id === id);
  }

  async getApplications(): Promise<readonly WireApplication[]> {
    return (await this.get<WireList<WireApplication>>('applications')).data;
  }

  async getApplication(id: number): Promise<WireApplication | undefined> {
    return (await this.getApplications()).find((application) => application.id === id);
  }

  async getOrganization(): Promise<unknown> {
    return (await this.get<{ readonly data: unknown }>('organization')).data;
  }
}
