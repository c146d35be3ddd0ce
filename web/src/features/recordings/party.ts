import type { Party } from '../../api/types';
import type { IconName } from '../../ui/Icon';

type Sided = { direction: string; caller: Party; dialled: string; agents: readonly { extension: string; name: string; outcome: string }[]; file_name?: string };

const name = (p: Party) => (p.withheld ? 'Number withheld' : p.name || p.number || 'Unknown');

/** other is the party that the customer's people spoke with: who called, or who was called. Where nobody is known, the file is named. */
export function other(r: Sided): { name: string; number: string } {
  const nobody = !r.caller.withheld && !r.caller.name && !r.caller.number && !r.dialled;
  if (nobody && r.file_name) return { name: r.file_name.split('/').at(-1)!, number: '' };
  if (r.direction === 'outbound') return { name: r.dialled || 'Unknown', number: '' };
  const shown = name(r.caller);
  return { name: shown, number: shown === r.caller.number || r.caller.withheld ? '' : r.caller.number };
}

/** ours names the customer's people in the call; those who took it come first. */
export function ours(r: Sided): string {
  if (r.direction === 'outbound' && r.agents.length === 0) return name(r.caller);
  const took = r.agents.filter((a) => a.outcome === 'answered' || a.outcome === 'transferred');
  const shown = took.length > 0 ? took : r.agents;
  return [...new Set(shown.map((a) => a.name || a.extension))].join(', ');
}

export const directionIcon: Record<string, IconName> = { inbound: 'into', outbound: 'outof', internal: 'between', unknown: 'wave' };
export const directionText: Record<string, string> = { inbound: 'Inbound', outbound: 'Outbound', internal: 'Internal', unknown: 'Direction unknown' };

/** title names a recording in one line, for headings and for screen readers. */
export function title(r: Sided & { queue: string }): string {
  const us = ours(r);
  if (r.direction === 'outbound') return `${us || 'Somebody'} to ${other(r).name}`;
  return `${other(r).name}${us ? ` and ${us}` : r.queue ? ` to ${r.queue}` : ''}`;
}
