import { expect, test } from 'vitest';
import { happening, inside, lanes } from './timeline';

const start = '2026-11-22T10:00:00Z';
const at = (s: number) => new Date(Date.parse(start) + s * 1000).toISOString();

test('legs become lanes within the sound', () => {
  const leg = (party: string, extension: string, from: number, to: number | null, role: string) => ({ party, extension, number: party === 'customer' ? '+441614960152' : '', from: at(from), to: to === null ? null : at(to), role });
  const got = lanes({
    started_at: start,
    seconds: 60,
    caller: { number: '+441614960152', name: '', withheld: false },
    agents: [{ extension: '208', name: 'Samuel Price', outcome: 'answered' }],
    call: {
      events: [],
      recordings: [],
      legs: [leg('customer', '', -42, 80, 'caller'), leg('agent', '208', 0, 30, 'called'), leg('agent', '208', 35, 40, 'consultation'), leg('agent', '211', 40, null, 'transfer_target'), leg('agent', '212', -20, 0.1, 'called')],
    },
  });
  expect(got.map((l) => [l.name, ...l.parts.map((p) => [p.from, p.to, p.unheard])])).toEqual([
    ['+441614960152', [0, 60, false]],
    ['Samuel Price (208)', [0, 30, false], [35, 40, true]],
    ['211', [40, 60, false]],
  ]);
  expect(got[0]!.parts[0]!.side).toBe('customer');
});

test('events in plain words', () => {
  expect(happening({ what: 'answered', detail: '208' })).toBe('Answered by 208');
  expect(happening({ what: 'answered', detail: '' })).toBe('Answered');
  expect(happening({ what: 'queue_entered', detail: 'billing' })).toBe('Joined the queue · billing');
  expect(happening({ what: 'moon_landing', detail: '' })).toBe('Moon landing');
  expect(inside({ at: '', offset_seconds: -3, what: '', detail: '' }, 60)).toBe(false);
});
