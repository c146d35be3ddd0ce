package sound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"ringfence/internal/base/fault"
)

// PCM is decoded sound: 16-bit samples, interleaved, at any position. It holds a few kilobytes whatever its length, and is not safe for
// use by several goroutines.
type PCM interface {
	Rate() int
	Channels() int
	Frames() int64 // samples per channel
	// ReadFrames fills p with whole frames from frame at and says how many there were. At the end it gives 0 and io.EOF.
	ReadFrames(p []int16, at int64) (int, error)
	// Close ends a child process, if there is one. The source is not closed.
	Close() error
}

// OpenPCM decodes a file that was probed. The context bounds a child process (MP3, Opus); other formats have none.
func OpenPCM(ctx context.Context, r io.ReaderAt, p Probed) (PCM, error) {
	switch p.Codec {
	case PCM8, PCM16, ALaw, MuLaw:
		return &linear{r: r, p: p}, nil
	case GSM, GSM33:
		return newGSMReader(r, p), nil
	case MP3:
		return newMP3Reader(ctx, r, p)
	case Opus:
		return newOpusReader(ctx, r, p)
	}
	return nil, fault.New(fault.Invalid, "sound written as %q cannot be decoded", p.Codec)
}

// linear reads formats in which a sample stands at a known place.
type linear struct {
	r   io.ReaderAt
	p   Probed
	buf [16 << 10]byte
}

func (l *linear) Rate() int     { return l.p.Rate }
func (l *linear) Channels() int { return l.p.Channels }
func (l *linear) Frames() int64 { return l.p.Frames }
func (l *linear) Close() error  { return nil }

func (l *linear) ReadFrames(p []int16, at int64) (int, error) {
	frameBytes, _ := l.p.block()
	want := min(int64(len(p)/l.p.Channels), l.p.Frames-at)
	if at < 0 || want <= 0 {
		return 0, io.EOF
	}
	done := int64(0)
	for done < want {
		b := l.buf[:min((want-done)*frameBytes, int64(len(l.buf))/frameBytes*frameBytes)]
		n, err := l.r.ReadAt(b, l.p.DataOffset+(at+done)*frameBytes)
		if n < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the file shrank while it was read
			}
			return int(done), err
		}
		l.expand(p[done*int64(l.p.Channels):], b)
		done += int64(len(b)) / frameBytes
	}
	return int(done), nil
}

func (l *linear) expand(p []int16, b []byte) {
	switch l.p.Codec {
	case PCM16:
		for i := range len(b) / 2 {
			p[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case PCM8:
		for i, c := range b {
			p[i] = int16(int(c)-128) << 8
		}
	case ALaw:
		for i, c := range b {
			p[i] = aLawTable[c]
		}
	case MuLaw:
		for i, c := range b {
			p[i] = muLawTable[c]
		}
	}
}

// The expansion tables of ITU-T G.711.
var (
	aLawTable  = expansion(expandALaw)
	muLawTable = expansion(expandMuLaw)
)

func expansion(f func(byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = f(byte(i))
	}
	return t
}

// expandALaw is G.711 table 1: even bits are inverted on the line.
func expandALaw(c byte) int16 {
	c ^= 0x55
	v := int(c&0x0f)<<4 + 8
	if seg := c >> 4 & 7; seg > 0 {
		v = (v + 0x100) << (seg - 1)
	}
	if c&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

// expandMuLaw is G.711 table 2: all bits are inverted on the line, with a bias of 132.
func expandMuLaw(c byte) int16 {
	c = ^c
	v := (int(c&0x0f)<<3+0x84)<<(c>>4&7) - 0x84
	if c&0x80 != 0 {
		v = -v
	}
	return int16(v)
}
