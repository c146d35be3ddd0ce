package sound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"ringfence/internal/base/fault"
)

// WAV shows decoded sound as a file of 16-bit WAV that is never there as a whole: any part of it can be read, so that an HTTP range maps
// to the samples behind it.
type WAV struct {
	pcm    PCM
	header []byte
	buf    [4 << 10]int16
}

// NewWAV wraps decoded sound.
func NewWAV(p PCM) *WAV {
	return &WAV{pcm: p, header: WAVHeader(p.Channels(), p.Rate(), p.Frames())}
}

// Size is the length of the file in bytes.
func (w *WAV) Size() int64 {
	return WAVHeaderSize + w.pcm.Frames()*int64(w.pcm.Channels())*2
}

// ReadAt reads any part of the file. It follows io.ReaderAt but for parallel use.
func (w *WAV) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.New(fault.Invalid, "a position before the start of the sound was asked for")
	}
	done := 0
	if off < WAVHeaderSize {
		done = copy(p, w.header[off:])
	}
	frame := int64(w.pcm.Channels()) * 2
	for done < len(p) {
		pos := off + int64(done) - WAVHeaderSize
		at, skip := pos/frame, pos%frame
		want := (int64(len(p)-done) + skip + frame - 1) / frame
		n, err := w.pcm.ReadFrames(w.buf[:min(want*frame/2, int64(len(w.buf)))], at)
		if n == 0 {
			if err == nil {
				err = io.EOF
			}
			return done, err
		}
		var two [2]byte
		for _, s := range w.buf[:n*w.pcm.Channels()] {
			binary.LittleEndian.PutUint16(two[:], uint16(s))
			if skip >= 2 {
				skip -= 2
				continue
			}
			done += copy(p[done:], two[skip:])
			skip = 0
		}
	}
	return done, nil
}

// Close closes the sound behind the file.
func (w *WAV) Close() error { return w.pcm.Close() }

// WriteWAV writes all of the sound as a WAV file.
func WriteWAV(ctx context.Context, out io.Writer, p PCM) error {
	if _, err := out.Write(WAVHeader(p.Channels(), p.Rate(), p.Frames())); err != nil {
		return err
	}
	samples := make([]int16, 8<<10)
	raw := make([]byte, 2*len(samples))
	return each(ctx, p, samples, func(got []int16) error {
		for i, s := range got {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(s))
		}
		_, err := out.Write(raw[:2*len(got)])
		return err
	})
}

// each reads the sound from its start to its end in pieces.
func each(ctx context.Context, p PCM, buf []int16, use func([]int16) error) error {
	buf = buf[:len(buf)/p.Channels()*p.Channels()]
	for at := int64(0); at < p.Frames(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := p.ReadFrames(buf, at)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = io.ErrNoProgress
			}
			return err
		}
		if err := use(buf[:n*p.Channels()]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// Peaks gives for each channel the loudest sample of each of so many equal parts, from 0 to 1: what a waveform draws.
func Peaks(ctx context.Context, p PCM, parts int) ([][]float32, error) {
	if parts < 1 || parts > 100_000 {
		return nil, fault.New(fault.Invalid, "a waveform has between 1 and 100,000 parts")
	}
	ch, total := p.Channels(), p.Frames()
	peaks := make([][]float32, ch)
	for i := range peaks {
		peaks[i] = make([]float32, parts)
	}
	at := int64(0)
	err := each(ctx, p, make([]int16, 8<<10), func(got []int16) error {
		for i := 0; i < len(got); i += ch {
			part := min(at*int64(parts)/total, int64(parts-1))
			for c := range ch {
				v := float32(max(int32(got[i+c]), -int32(got[i+c]))) / 32768
				peaks[c][part] = max(peaks[c][part], v)
			}
			at++
		}
		return nil
	})
	return peaks, err
}

// Channel gives one channel of the sound alone.
func Channel(p PCM, n int) (PCM, error) {
	if n < 0 || n >= p.Channels() {
		return nil, fault.New(fault.Invalid, "the sound has no channel %d", n+1)
	}
	if p.Channels() == 1 {
		return p, nil
	}
	return &channel{PCM: p, n: n}, nil
}

type channel struct {
	PCM
	n   int
	buf [4 << 10]int16
}

func (c *channel) Channels() int { return 1 }

func (c *channel) ReadFrames(p []int16, at int64) (int, error) {
	ch := c.PCM.Channels()
	done := 0
	for done < len(p) {
		n, err := c.PCM.ReadFrames(c.buf[:min((len(p)-done)*ch, len(c.buf)/ch*ch)], at+int64(done))
		for i := range n {
			p[done+i] = c.buf[i*ch+c.n]
		}
		done += n
		if n == 0 {
			if done > 0 && errors.Is(err, io.EOF) {
				err = nil
			}
			return done, err
		}
	}
	return done, nil
}

// Combine makes one sound of two sides: left the calling party, right the other. The shorter one is followed by silence. Both must have
// one channel and the same rate.
func Combine(caller, agent PCM) (PCM, error) {
	if caller.Channels() != 1 || agent.Channels() != 1 || caller.Rate() != agent.Rate() {
		return nil, fault.New(fault.Invalid, "two sides can be combined only when each has one channel and both have the same rate")
	}
	return &sides{l: caller, r: agent}, nil
}

type sides struct {
	l, r PCM
	buf  [4 << 10]int16
}

func (s *sides) Rate() int     { return s.l.Rate() }
func (s *sides) Channels() int { return 2 }
func (s *sides) Frames() int64 { return max(s.l.Frames(), s.r.Frames()) }
func (s *sides) Close() error  { return errors.Join(s.l.Close(), s.r.Close()) }

func (s *sides) ReadFrames(p []int16, at int64) (int, error) {
	want := int(min(int64(len(p)/2), s.Frames()-at))
	if at < 0 || want <= 0 {
		return 0, io.EOF
	}
	clear(p[:2*want])
	for side, pcm := range []PCM{s.l, s.r} {
		for done := 0; done < want; {
			n, err := pcm.ReadFrames(s.buf[:min(want-done, len(s.buf))], at+int64(done))
			for i := range n {
				p[2*(done+i)+side] = s.buf[i]
			}
			done += n
			if errors.Is(err, io.EOF) || err == nil && n == 0 {
				break
			}
			if err != nil {
				return 0, err
			}
		}
	}
	return want, nil
}
