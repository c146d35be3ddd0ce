import { Group, Kbd, Modal, Stack, Text, Title } from '@mantine/core';

const keys: { title: string; lines: [string[], string][] }[] = [
  {
    title: 'In the list',
    lines: [
      [['j', '↓'], 'Next recording'],
      [['k', '↑'], 'Previous recording'],
      [['Enter'], 'Open it'],
      [['/'], 'Search for words that were said'],
    ],
  },
  {
    title: 'With a recording open',
    lines: [
      [['Space'], 'Play or pause'],
      [['←', '→'], 'Back or ahead 5 seconds'],
      [['Shift ←', 'Shift →'], 'Previous or next turn'],
      [['<', '>'], 'Slower or faster'],
      [['j', 'k'], 'Next or previous recording'],
      [['Esc'], 'Close'],
    ],
  },
  { title: 'Anywhere', lines: [[['?'], 'This help']] },
];

/** Shortcuts lists the keys, where somebody looks for them: under "?"; before a drawer, too, as it has keys of its own. */
export function Shortcuts({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" centered closeButtonProps={{ 'aria-label': 'Close' }} zIndex={300}>
      <Stack>
        {keys.map((group) => (
          <Stack key={group.title} gap={6}>
            <Title order={3}>{group.title}</Title>
            {group.lines.map(([combos, text]) => (
              <Group key={text} justify="space-between">
                <Text size="sm">{text}</Text>
                <Group gap={6}>
                  {combos.map((k) => (
                    <Kbd key={k}>{k}</Kbd>
                  ))}
                </Group>
              </Group>
            ))}
          </Stack>
        ))}
      </Stack>
    </Modal>
  );
}
