import type { BehaviourState } from './behaviour.ts';
import type { Answer } from './delivery.ts';
import { isAuthorized, type Incoming } from './simulatedApi.ts';
import { switchesFromJson } from './switches.ts';

const path = '/simulator/behaviour';

const json = (status: number, body: unknown): Answer => ({ status, body: JSON.stringify(body) });
const problem = (status: number, message: string): Answer => json(status, { error: message });

/** Reads the behaviour and changes its switches; undefined for requests to HelpCrunch. Such requests are not counted. */
export function controlAnswer(
  { method, url, authorization, bodyText }: Incoming,
  { key, state }: { readonly key: string; readonly state: BehaviourState },
): Answer | undefined {
  if (url !== path) return undefined;
  if (!isAuthorized(authorization, key)) return problem(401, 'The API key is required.');
  if (method === 'GET') return json(200, state.current);
  if (method !== 'PATCH') return problem(405, 'Use GET or PATCH.');
  try {
    state.change(switchesFromJson(JSON.parse(bodyText)));
    return json(200, state.current);
  } catch (error) {
    if (error instanceof TypeError) return problem(400, error.message);
    return problem(400, 'The body is not valid JSON.');
  }
}
