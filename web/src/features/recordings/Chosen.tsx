import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { HoldThese } from '../holds/HoldThese';
import { LabelMany } from '../labels/Labels';

/** Chosen is what can be done with the recordings that were chosen in the list. */
export function Chosen({ customer, picked, clear }: { customer: string; picked: string[]; clear: () => void }) {
  const may = useMay(customer);
  const [act, setAct] = useState<'label' | 'hold' | null>(null);
  if (picked.length === 0) return null;
  const close = () => setAct(null);
  return (
    <Group gap="xs" mb="sm" role="group" aria-label="Chosen recordings">
      <Text size="sm" fw={550} role="status">{count(picked.length, 'recording')} chosen</Text>
      {may('recording.tag') && <Button size="compact-sm" variant="default" onClick={() => setAct('label')}>Label…</Button>}
      {may('hold.manage') && <Button size="compact-sm" variant="default" onClick={() => setAct('hold')}>Hold…</Button>}
      <Button size="compact-sm" variant="subtle" color="gray" onClick={clear}>Choose none</Button>
      {act === 'label' && <LabelMany customer={customer} recordings={picked} onClose={close} />}
      {act === 'hold' && <HoldThese customer={customer} recordings={picked} onClose={close} />}
    </Group>
  );
}
