import { useSyncExternalStore } from 'react';

export type SoundState = { playing: boolean; ready: boolean; seconds: number; rate: number; muted: boolean[]; failed: boolean };

export const rates = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/**
 * Sound is one recording being heard: a media element that streams byte ranges, and
 * behind it a small mixer. Both parties go to both ears, each with a volume of its
 * own, so that one can be silenced without leaving an ear empty.
 */
export class Sound {
  readonly media = new Audio();
  private state: SoundState = { playing: false, ready: false, seconds: 0, rate: 1, muted: [false, false], failed: false };
  private listeners = new Set<() => void>();
  private ticks = new Set<(at: number) => void>();
  private context?: AudioContext;
  private gains: GainNode[] = [];
  private frame = 0;

  constructor(seconds: number) {
    this.media.preload = 'auto';
    this.media.preservesPitch = true;
    this.state = { ...this.state, seconds };
    const on = (name: string, f: () => void) => this.media.addEventListener(name, f);
    on('play', () => this.set({ playing: true }));
    on('pause', () => this.set({ playing: false }));
    on('ended', () => this.set({ playing: false }));
    on('ratechange', () => this.set({ rate: this.media.playbackRate }));
    on('loadedmetadata', () => this.set({ ready: true, failed: false, seconds: this.media.duration || this.state.seconds }));
    on('error', () => this.set({ failed: this.media.src !== '', playing: false }));
    on('seeking', () => this.tell());
    on('timeupdate', () => this.tell());
    on('play', () => this.tick());
  }

  /** load points at an opening's sound, and goes on where it was. */
  load(url: string, at: number) {
    const rate = this.state.rate;
    this.set({ failed: false });
    this.media.src = at > 0 ? `${url}#t=${at}` : url;
    this.media.playbackRate = rate;
    if (at > 0) this.media.addEventListener('loadedmetadata', () => this.seek(at), { once: true });
  }

  async play() {
    this.mixer();
    await this.context?.resume();
    await this.media.play();
  }

  toggle() {
    if (this.media.paused) void this.play().catch(() => this.set({ playing: false }));
    else this.media.pause();
  }

  seek(at: number) {
    this.media.currentTime = Math.min(Math.max(0, at), Math.max(0, this.state.seconds - 0.01));
    this.tell();
  }

  /** speed takes one of the rates; step moves to the next. */
  speed(rate: number) {
    this.media.playbackRate = rate;
    this.media.defaultPlaybackRate = rate;
    this.set({ rate });
  }

  step(by: number) {
    const now = rates.findIndex((r) => r >= this.state.rate);
    this.speed(rates[Math.min(rates.length - 1, Math.max(0, now + by))]!);
  }

  mute(channel: number, muted: boolean) {
    this.mixer();
    this.set({ muted: this.state.muted.map((m, i) => (i === channel ? muted : m)) });
    this.gains.forEach((g, i) => (g.gain.value = this.state.muted[i] ? 0 : 1));
  }

  get at(): number {
    return this.media.currentTime;
  }

  /** onTime is called with each drawn frame while it plays, and after each seek. */
  onTime(f: (at: number) => void): () => void {
    this.ticks.add(f);
    return () => this.ticks.delete(f);
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.media.pause();
    this.media.removeAttribute('src');
    this.media.load();
    void this.context?.close();
    this.listeners.clear();
    this.ticks.clear();
  }

  subscribe = (f: () => void) => {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  };

  snapshot = () => this.state;

  /** mixer is built at the first play: a browser lets no page make sound before a key or a click. */
  private mixer() {
    if (this.context || typeof AudioContext === 'undefined') return;
    this.context = new AudioContext();
    const source = this.context.createMediaElementSource(this.media);
    const split = this.context.createChannelSplitter(2);
    source.connect(split);
    this.gains = [0, 1].map((channel) => {
      const gain = this.context!.createGain();
      split.connect(gain, channel);
      gain.connect(this.context!.destination);
      return gain;
    });
  }

  private tick = () => {
    cancelAnimationFrame(this.frame);
    this.tell();
    if (!this.media.paused) this.frame = requestAnimationFrame(this.tick);
  };

  private tell() {
    this.ticks.forEach((f) => f(this.media.currentTime));
  }

  private set(change: Partial<SoundState>) {
    this.state = { ...this.state, ...change };
    this.listeners.forEach((f) => f());
  }
}

export function useSound(sound: Sound): SoundState {
  return useSyncExternalStore(sound.subscribe, sound.snapshot);
}
