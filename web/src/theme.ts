import { createTheme, defaultVariantColorsResolver, type CSSVariablesResolver, type MantineColorsTuple, type VariantColorsResolver } from '@mantine/core';

// One colour of our own; everything else is neutral, so that what is coloured means something.
const pine: MantineColorsTuple = [
  '#e9f5f5', '#d2eaea', '#a6d5d6', '#76bfc1', '#4fadb0', '#369fa3', '#22868b', '#157277', '#0f5c63', '#0a464c',
];
const dark: MantineColorsTuple = [
  '#d5dce0', '#b9c3c9', '#a3aeb6', '#6f7c85', '#3c474e', '#2e373d', '#232b30', '#181e22', '#12171a', '#0c1012',
];

// What is filled in our own colour wears the brand of the node that is looked at, which the server has checked as a pair.
const variantColorResolver: VariantColorsResolver = (input) => {
  const ours = input.color === undefined || input.color === input.theme.primaryColor;
  if (input.variant !== 'filled' || !ours) return defaultVariantColorsResolver(input);
  return { background: 'var(--rf-accent)', hover: 'color-mix(in srgb, var(--rf-accent) 92%, black)', color: 'var(--rf-on-accent)', border: '1px solid transparent' };
};

export const theme = createTheme({
  variantColorResolver,
  primaryColor: 'pine',
  primaryShade: 8,
  colors: { pine, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Alert: { defaultProps: { role: 'note' } }, // what is an error says so itself, and only that interrupts a screen reader
    Badge: {
      defaultProps: { variant: 'default', radius: 'sm', size: 'md', tt: 'none', fw: 500 },
      styles: { root: { background: 'var(--rf-page)', borderColor: 'var(--rf-line)', letterSpacing: 0, minWidth: 'max-content' } },
    },
    Button: { defaultProps: { variant: 'filled' } }, // said, or Mantine does not ask the resolver above
    Drawer: { defaultProps: { transitionProps: { duration: 160 } } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true, multiline: true, maw: 320 } },
    Table: {
      defaultProps: { verticalSpacing: 9, horizontalSpacing: 'md', borderColor: 'var(--rf-line)' },
      styles: { th: { color: 'var(--mantine-color-dimmed)', fontWeight: 550 } },
    },
    TableScrollContainer: { defaultProps: { type: 'native' } },
  },
});

// Mantine's own grey for secondary text is 3.3:1 on white; WCAG asks for 4.5:1.
export const variables: CSSVariablesResolver = () => ({
  variables: { '--rf-accent': '#0f5c63', '--rf-on-accent': '#ffffff' },
  light: {
    '--mantine-color-dimmed': '#566069',
    '--mantine-color-placeholder': '#6a747c',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-yellow-light': '#fdf5dc',
    '--mantine-color-yellow-light-color': '#7a5a12',
    '--mantine-color-red-light': '#fdeeec',
    '--mantine-color-red-light-color': '#a8322a',
    '--mantine-color-green-light': '#e8f5ec',
    '--mantine-color-green-light-color': '#1d6b3a',
    '--mantine-color-gray-light': '#f1f4f5',
    '--mantine-color-gray-light-color': '#3c474e',
    '--mantine-color-pine-light': '#e0f0f0',
    '--rf-page': '#f6f8f8',
    '--rf-card': '#ffffff',
    '--rf-line': '#e1e7e8',
    '--rf-shade': '#9aa8aa',
    '--rf-hover': '#f1f6f6',
    '--rf-picked': '#e3f1f1',
    '--rf-customer': '#0f6f78',
    '--rf-agent': '#7a5a12',
    '--rf-customer-wave': '#5fb0b5',
    '--rf-agent-wave': '#cfa653',
    '--rf-positive': '#1d6b3a',
    '--rf-negative': '#a8322a',
    '--rf-neutral': '#566069',
    '--rf-mark': '#ffe8a3',
  },
  dark: {
    '--mantine-color-dimmed': '#a3aeb6',
    '--mantine-color-placeholder': '#8d99a1',
    '--mantine-color-error': '#ff9d94',
    '--mantine-color-anchor': '#76bfc1',
    '--mantine-color-yellow-light': '#2c2614',
    '--mantine-color-yellow-light-color': '#e2bf72',
    '--mantine-color-red-light': '#331d1b',
    '--mantine-color-red-light-color': '#ff9d94',
    '--mantine-color-green-light': '#16291d',
    '--mantine-color-green-light-color': '#7fd39c',
    '--mantine-color-gray-light': '#232b30',
    '--mantine-color-gray-light-color': '#b9c3c9',
    '--mantine-color-pine-light': '#17333a',
    '--mantine-color-pine-light-color': '#a6d5d6',
    '--rf-page': '#12171a',
    '--rf-card': '#181e22',
    '--rf-line': '#2b343a',
    '--rf-shade': '#5d6b73',
    '--rf-hover': '#1e262b',
    '--rf-picked': '#1b3539',
    '--rf-customer': '#7fcdd1',
    '--rf-agent': '#e2bf72',
    '--rf-customer-wave': '#35858a',
    '--rf-agent-wave': '#8f7132',
    '--rf-positive': '#7fd39c',
    '--rf-negative': '#ff9d94',
    '--rf-neutral': '#a3aeb6',
    '--rf-mark': '#5b4a12',
  },
});
