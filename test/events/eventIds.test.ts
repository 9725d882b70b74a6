import { expect, test } from '@jest/globals';
import { derivedEventId, EventIds } from '../../src/events/eventIds.ts';
import { createManualClock } from '../support/manualClock.ts';

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

test('event ids are UUIDs of version 7 that contain the time', () => {
  const clock = createManualClock(Date.UTC(2026, 0, 15, 12));
  const id = new EventIds(clock).next();

  expect(id).toMatch(uuid7);
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 15, 12));
});

test('event ids are unique and in the order of publication, also when the clock is set back', () => {
  const clock = createManualClock();
  const eventIds = new EventIds(clock);
  const ids: string[] = [];
  const publish = (count: number) => {
    for (let published = 0; published < count; published += 1) ids.push(eventIds.next());
  };

  publish(5_000);
  clock.advance(1);
  publish(3);
  clock.setWallClock(-3_600_000);
  publish(3);
  clock.advance(7_200_000);
  publish(3);

  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
});

test('the id of an event of an instance without ids depends on its publication alone', () => {
  const id = derivedEventId(1_700_000_000_000, 'instance 5');

  expect(id).toMatch(uuid7);
  expect(derivedEventId(1_700_000_000_000, 'instance 5')).toBe(id);
  expect(derivedEventId(1_700_000_000_000, 'instance 6')).not.toBe(id);
});
