import { Button, Checkbox, Group, Modal, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { queries } from '../../api/client';
import { purposes, type Purposes } from './data';

/** Cancelled is thrown where somebody did not want to say why. */
export class Cancelled extends Error {}

type Question = { customer: string; rules: Purposes; answer: (purpose: string, keep: boolean) => void; cancel: () => void };

/** What is restricted at a person's request is opened for these purposes of the law and no other. */
const forRestricted: Purposes = {
  asked: true, free: false, remember: false, ready: ['Consent of the person', 'Legal claim', 'Rights of another person', 'Important public interest', 'Answering a request of the person'],
};

let show: ((q: Question) => void) | null = null;
const kept = new Map<string, string>(); // by customer, in this page only: a reload asks again

/** purposeFor gives what an opening is for: nothing where nobody asks, what was remembered, or what its reader says now. */
export async function purposeFor(customer: string, restricted = false): Promise<string | undefined> {
  const rules = restricted ? forRestricted : await queries.ensureQueryData(purposes(customer));
  if (!rules.asked) return undefined;
  const known = rules.remember ? kept.get(customer) : undefined;
  if (known) return known;
  return new Promise((resolve, reject) => {
    if (!show) return resolve(undefined); // the server says what is missing
    show({
      customer, rules,
      answer: (purpose, keep) => {
        if (keep && rules.remember) kept.set(customer, purpose);
        resolve(purpose);
      },
      cancel: () => reject(new Cancelled('no purpose was stated')),
    });
  });
}

/** forgetPurposes is for who signs out: the next one at this machine says their own. */
export const forgetPurposes = () => kept.clear();

/** PurposeAsk is the question itself; it stands once in the frame of all pages. */
export function PurposeAsk() {
  const [question, setQuestion] = useState<Question | null>(null);
  const [chosen, setChosen] = useState('');
  const [own, setOwn] = useState('');
  const [keep, setKeep] = useState(false);
  useEffect(() => {
    show = (q) => {
      setChosen(q.rules.ready[0] ?? 'own');
      setOwn('');
      setKeep(false);
      setQuestion(q);
    };
    return () => {
      show = null;
    };
  }, []);
  const close = () => {
    question?.cancel();
    setQuestion(null);
  };
  const purpose = chosen === 'own' ? own.trim() : chosen;
  const go = () => {
    if (purpose === '') return;
    question?.answer(purpose, keep);
    setQuestion(null);
  };
  return (
    <Modal opened={question !== null} onClose={close} title="What do you open this for?" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      {question && (
        <form onSubmit={(e) => { e.preventDefault(); go(); }}>
          <Stack>
            <Text size="sm">Your organisation asks this of your role. The answer stands in the receipt, with your name and the time.</Text>
            <Radio.Group aria-label="Purpose" value={chosen} onChange={setChosen}>
              <Stack gap="xs">
                {question.rules.ready.map((r) => <Radio key={r} value={r} label={r} />)}
                {question.rules.free && <Radio value="own" label="Something else" />}
              </Stack>
            </Radio.Group>
            {chosen === 'own' && <TextInput label="In your words" value={own} maxLength={300} required data-autofocus onChange={(e) => setOwn(e.currentTarget.value)} />}
            {question.rules.remember && <Checkbox label="The same for what I open next" checked={keep} onChange={(e) => setKeep(e.currentTarget.checked)} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>Cancel</Button>
              <Button type="submit" disabled={purpose === ''}>Open</Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
