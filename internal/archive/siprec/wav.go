package siprec

import (
	"encoding/binary"
	"io"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// wavHeaderSize is the length of the header before G.711 (formats 6 and 7 have a
// longer fmt chunk than PCM, and a fact chunk).
const wavHeaderSize = 58

func wavHeader(l Law, channels int, frames int64) []byte {
	data := frames * int64(channels)
	b := make([]byte, 0, wavHeaderSize)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(data+data&1+wavHeaderSize-8))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 18)
	format := uint16(6)
	if l == MuLaw {
		format = 7
	}
	b = binary.LittleEndian.AppendUint16(b, format)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, Rate)
	b = binary.LittleEndian.AppendUint32(b, uint32(Rate*channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint16(b, 8)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = append(b, "fact"...)
	b = binary.LittleEndian.AppendUint32(b, 4)
	b = binary.LittleEndian.AppendUint32(b, uint32(frames))
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, uint32(data))
}

// plan is how the streams of a spool become one file.
type plan struct {
	law      Law
	channels int
	frames   int64
	sides    []int // by track
}

// planFor lays two sides on two channels. A session of which only one stream was
// ever heard, and that holds both parties, is one channel.
func planFor(s Session, v survey, l Law, sides []int) plan {
	p := plan{law: l, channels: 2, frames: v.length, sides: sides}
	heard, both := 0, false
	for i, m := range s.Streams {
		if i < MaxStreams && v.sounded[i] {
			heard++
			both = both || s.Story.mixed(m.Label)
		}
	}
	taken := 0
	for _, m := range s.Streams {
		if m.Taken {
			taken++
		}
	}
	if heard <= 1 && (both || taken <= 1) {
		p.channels = 1
	}
	return p
}

// size of the file. RIFF wants chunks of even length.
func (p plan) size() int64 {
	data := p.frames * int64(p.channels)
	return wavHeaderSize + data + data&1
}

// probed is what sound.Probe says of the file; a test holds the two together.
func (p plan) probed() sound.Probed {
	codec, layout := sound.ALaw, sound.Sides
	if p.law == MuLaw {
		codec = sound.MuLaw
	}
	if p.channels == 1 {
		layout = sound.Mix
	}
	return sound.Probed{
		Format: sound.Format{
			Container: "wav", Codec: codec, Channels: p.channels, Rate: Rate, Layout: layout,
			DataOffset: wavHeaderSize, DataBytes: p.frames * int64(p.channels),
		},
		Size: p.size(), Seconds: float64((p.frames*1000+Rate/2)/Rate) / 1000, Header: sound.Agrees, Frames: p.frames,
	}
}

// wavReader makes the file while it is read, one record of the spool at a time:
// what was sealed is nowhere in the clear as a whole.
type wavReader struct {
	plan
	r    *spoolReader
	at   int64 // frames given out
	held []byte
	next block
	more bool // next holds a block that was not given out
	done bool // there is no further block
}

func newWAV(r *spoolReader, p plan) *wavReader {
	return &wavReader{plan: p, r: r, held: wavHeader(p.law, p.channels, p.frames)}
}

// Read implements io.Reader.
func (w *wavReader) Read(b []byte) (int, error) {
	for len(w.held) == 0 {
		if w.at >= w.frames {
			return 0, io.EOF
		}
		if err := w.step(); err != nil {
			return 0, err
		}
	}
	n := copy(b, w.held)
	w.held = w.held[n:]
	return n, nil
}

// Close implements io.Closer.
func (w *wavReader) Close() error { return w.r.close() }

// step makes the next piece: silence up to the next block, or the block.
func (w *wavReader) step() error {
	if !w.more && !w.done {
		if err := w.find(); err != nil {
			return err
		}
	}
	const most = 4 * Rate
	switch {
	case !w.more:
		w.quiet(min(w.frames-w.at, most))
	case w.next.from > w.at:
		w.quiet(min(w.next.from-w.at, most))
	case w.next.from < w.at:
		return fault.New(fault.Conflict, "the spool goes back in time")
	default:
		w.sound()
	}
	if w.at >= w.frames && w.frames*int64(w.channels)&1 == 1 {
		w.held = append(w.held, 0)
	}
	return nil
}

// find reads on to the next block of sound.
func (w *wavReader) find() error {
	for {
		rec, err := w.r.next()
		if err != nil {
			w.done = true // where the survey has ended as well
			return nil
		}
		if rec[0] != 'S' {
			continue
		}
		b, ok := readBlock(rec)
		if !ok || b.from+b.count > w.frames {
			w.done = true
			return nil
		}
		w.next, w.more = b, true
		return nil
	}
}

func (w *wavReader) quiet(n int64) {
	w.held = make([]byte, n*int64(w.channels))
	fill(w.held, w.law.silence())
	w.at += n
}

// sound interleaves a block.
func (w *wavReader) sound() {
	n := w.next.count
	sides := make([][]byte, w.channels)
	w.next.each(func(track int, s []byte) {
		side := 0
		if w.channels == 2 && track < len(w.sides) {
			side = w.sides[track]
		}
		if sides[side] == nil {
			sides[side] = append([]byte(nil), s...)
			return
		}
		mix(sides[side], s, w.law)
	})
	w.held = make([]byte, n*int64(w.channels))
	for c, s := range sides {
		if s == nil {
			s = make([]byte, n)
			fill(s, w.law.silence())
		}
		for i := range n {
			w.held[i*int64(w.channels)+int64(c)] = s[i]
		}
	}
	w.at += n
	w.more = false
}
