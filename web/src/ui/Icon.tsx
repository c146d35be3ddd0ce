// The portal's icons: strokes on a 24×24 grid, drawn here so that none is loaded from anywhere.
const paths = {
  wave: 'M3 12h2m3-4v8m4-13v18m4-14v10m3-5h2',
  phone: 'M5 4h4l1.800 4.500-2.300 1.500a11 11 0 0 0 5.500 5.500l1.500-2.300L20 15v4a1.800 1.800 0 0 1-2 2C10.500 20.500 3.500 13.500 3 6a1.800 1.800 0 0 1 2-2z',
  warn: 'M12 4 2.500 20h19L12 4zm0 6v5m0 2.500v.01',
  history: 'M4 12a8 8 0 1 0 2.600-5.900L4 8.500M4 4v4.500h4.500M12 8v4.500l3 2',
  shield: 'M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6l-7-3z',
  gear: 'M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 2.500v3m0 13v3M2.500 12h3m13 0h3M5.300 5.300l2.100 2.100m9.200 9.200 2.100 2.100m0-13.400-2.100 2.100m-9.200 9.200-2.100 2.100',
  people: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zm-6.500 9c0-4 3-6 6.500-6s6.500 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500m2 3.500c2.200.8 3.500 2.600 3.500 5.500',
  tree: 'M12 8V4m0 4v4m-6 4v-4h12v4M9.500 4h5M4 16h4v4H4zm12 0h4v4h-4z',
  out: 'M14 4h5v16h-5M10 8l-4 4 4 4m-4-4h9',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm0-13v2m0 14v2M3 12h2m14 0h2M5.600 5.600 7 7m10 10 1.400 1.400m0-12.800L17 7M7 17l-1.400 1.400',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z',
  auto: 'M3 5h18v11H3zm6 15h6m-3-4v4',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zm4.700-1.800L21 21',
  play: 'M7 4.500v15l12-7.500z',
  pause: 'M8 5v14m8-14v14',
  back: 'M11 7l-5 5 5 5m7-10-5 5 5 5',
  ahead: 'M13 7l5 5-5 5M6 7l5 5-5 5',
  up: 'M6 14l6-6 6 6',
  down: 'M6 10l6 6 6-6',
  right: 'M10 6l6 6-6 6',
  into: 'M19 5 6 18m0-9v9h9',
  outof: 'M6 18 19 5m-9 0h9v9',
  between: 'M4 9h14l-4-4m6 10H6l4 4',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.500 10 17 19 7.500',
  download: 'M12 4v11m-4.500-4.500L12 15l4.500-4.500M5 20h14',
  trash: 'M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5m4-5v5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  plus: 'M12 5v14M5 12h14',
  filter: 'M4 6h16M7 12h10m-7 6h4',
  menu: 'M4 7h16M4 12h16M4 17h16',
  lock: 'M6 11h12v9H6zm2.500 0V8a3.500 3.500 0 0 1 7 0v3',
  mail: 'M3.500 6h17v12h-17zm0 1 8.500 6 8.500-6',
  box: 'M4 5h16v5H4zm1.500 5v9h13v-9M10 14h4',
  key: 'M14.500 13a4.500 4.500 0 1 0-4.300-3.200L4 16v4h4l1-3h2.500l2-4.100',
  clock: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7.500V12l3 2',
  voice: 'M12 4a3 3 0 0 0-3 3v4a3 3 0 0 0 6 0V7a3 3 0 0 0-3-3zm-6 7a6 6 0 0 0 12 0m-6 6v3.500',
  globe: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM3.500 12h17M12 3.500c-5 5-5 12 0 17 5-5 5-12 0-17',
  device: 'M4 5h16v6H4zm0 8h16v6H4zm3-5v.01m0 7.990v.01',
  person: 'M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c0-4.500 3.400-6.500 7.500-6.500s7.500 2 7.500 6.500',
  refresh: 'M20 12a8 8 0 1 1-2.600-5.900L20 8.500M20 4v4.500h-4.500',
  eye: 'M2.500 12C5 7.500 8.200 5.500 12 5.500S19 7.500 21.500 12c-2.500 4.500-5.700 6.500-9.500 6.500S5 16.500 2.500 12zM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600z',
  keyboard: 'M3 6h18v12H3zm4 4v.01m3.300-.01v.01m3.400-.01v.01M17 10v.01M7 14h10',
  muted: 'M4 9.500v5h3.500L12 18.500v-13L7.500 9.500H4zm12 0 5 5m0-5-5 5',
  sound: 'M4 9.500v5h3.500L12 18.500v-13L7.500 9.500H4zm12-.5c1.500 1.600 1.500 4.400 0 6m2.500-8.500c3 3 3 8 0 11',
} as const;

export type IconName = keyof typeof paths;

/** Icon is decoration: whoever uses one alone gives its button a label. */
export function Icon({ name, size = 18, filled }: { name: IconName; size?: number; filled?: boolean }) {
  return (
    <svg
      width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false"
      fill={filled ? 'currentColor' : 'none'} stroke="currentColor" strokeWidth={1.7}
      strokeLinecap="round" strokeLinejoin="round" style={{ flexShrink: 0 }}
    >
      <path d={paths[name]} />
    </svg>
  );
}
