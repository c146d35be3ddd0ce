import type { CallEvent, Leg, RecordingDetail } from '../../api/types';
import { words } from '../../ui/format';

export type Lane = { name: string; parts: { from: number; to: number; label: string; unheard: boolean; side: 'customer' | 'agent' }[] };

const seconds = (at: string, start: string) => (Date.parse(at) - Date.parse(start)) / 1000;

/** lanes lays a call's legs over one recording: who was on the line, from which second to which. What lies outside the sound is cut. */
export function lanes(d: Pick<RecordingDetail, 'started_at' | 'seconds' | 'agents' | 'caller' | 'call'>): Lane[] {
  const byName = new Map<string, Lane>();
  for (const leg of d.call.legs) {
    const from = Math.max(0, seconds(leg.from, d.started_at));
    const to = Math.min(d.seconds, leg.to ? seconds(leg.to, d.started_at) : d.seconds);
    if (to - from < 0.2) continue;
    const name = legName(leg, d);
    const lane = byName.get(name) ?? { name, parts: [] };
    const unheard = leg.role === 'consultation';
    lane.parts.push({ from, to, unheard, label: legRole(leg), side: leg.party === 'customer' || (leg.role === 'caller' && !leg.extension) ? 'customer' : 'agent' });
    byName.set(name, lane);
  }
  return [...byName.values()];
}

function legName(leg: Leg, d: Pick<RecordingDetail, 'agents' | 'caller'>): string {
  const agent = d.agents.find((a) => leg.extension !== '' && a.extension === leg.extension);
  if (agent) return agent.name ? `${agent.name} (${agent.extension})` : agent.extension;
  if (leg.party === 'customer') return d.caller.withheld ? 'Number withheld' : d.caller.name || leg.number || d.caller.number || 'Caller';
  if (leg.party && leg.party !== 'agent') return leg.extension ? `${leg.party} (${leg.extension})` : leg.party;
  return leg.extension || leg.number || 'Unknown';
}

function legRole(leg: Leg): string {
  const names: Record<string, string> = {
    consultation: 'Consultation: the customer did not hear this',
    transfer_target: 'After the transfer',
    called: 'Was called',
    caller: 'Called',
  };
  return names[leg.role] ?? words(leg.role);
}

const happenings: Record<string, string> = {
  queued: 'Joined the queue',
  queue_entered: 'Joined the queue',
  queue_left: 'Left the queue',
  offered: 'Rang at',
  ringing: 'Rang at',
  ring_no_answer: 'Was not answered by',
  answered: 'Answered by',
  connected: 'Answered by',
  hold: 'Put on hold',
  held: 'Put on hold',
  unhold: 'Back from hold',
  resumed: 'Back from hold',
  consultation: 'Consultation, not heard by the customer',
  blind_transfer: 'Transferred without asking',
  attended_transfer: 'Transferred after a word',
  transferred: 'Transferred',
  abandoned: 'Caller gave up waiting',
  hung_up: 'Ended',
  'hung-up': 'Ended',
  hangup: 'Ended',
  ended: 'Ended',
};

/** happening says an event in plain words. */
export function happening(e: Pick<CallEvent, 'what' | 'detail'>): string {
  const text = happenings[e.what] ?? words(e.what);
  return e.detail ? `${text} ${/ (at|by)$/.test(text) ? '' : '· '}${e.detail}`.replace('  ', ' ') : text.replace(/ (at|by)$/, '');
}

/** inside says whether an event lies within the sound, so that one can go there. */
export const inside = (e: CallEvent, length: number) => e.offset_seconds >= 0 && e.offset_seconds <= length;

/** layoutText says what a rendition's channels hold. */
export function layoutText(layout: string): string {
  return (
    {
      'mono-mix': 'Both parties on one channel',
      'stereo-sides': 'Each party on a channel of its own',
      caller: 'The caller only',
      agent: 'The agent only',
    }[layout] ?? words(layout)
  );
}
