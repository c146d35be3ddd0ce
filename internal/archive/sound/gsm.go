package sound

import (
	"errors"
	"io"
)

// The full-rate speech decoder of ETSI EN 300 961 (GSM 06.10), in its own 16-bit arithmetic: the names of steps are those of §5.3.

// gsmFrame are the parameters of 160 samples (§1.7).
type gsmFrame struct {
	lar [8]int16 // coded log area ratios
	sub [4]struct {
		lag, gain, grid, max int16
		pulses               [13]int16
	}
}

// gsmBits are the widths of the parameters in the order in which they are sent; one subframe follows the area ratios four times.
var gsmBits = struct {
	lar [8]uint
	sub [4]uint
}{[8]uint{6, 6, 5, 5, 4, 4, 3, 3}, [4]uint{7, 2, 2, 6}}

// unpackGSM reads 260 bits from bit position pos on; take gives the next value of so many bits.
func unpackGSM(take func(bits uint) int16) (f gsmFrame) {
	for i, w := range gsmBits.lar {
		f.lar[i] = take(w)
	}
	for i := range f.sub {
		s := &f.sub[i]
		s.lag, s.gain, s.grid, s.max = take(gsmBits.sub[0]), take(gsmBits.sub[1]), take(gsmBits.sub[2]), take(gsmBits.sub[3])
		for j := range s.pulses {
			s.pulses[j] = take(3)
		}
	}
	return f
}

// lowFirst takes bits beginning with the lowest of each byte, as the blocks of WAV49 have them.
func lowFirst(b []byte) func(uint) int16 {
	var acc uint32
	var have uint
	return func(bits uint) int16 {
		for have < bits {
			acc |= uint32(b[0]) << have
			b = b[1:]
			have += 8
		}
		v := int16(acc & (1<<bits - 1))
		acc >>= bits
		have -= bits
		return v
	}
}

// highFirst takes bits beginning with the highest of each byte, as frames of 33 bytes have them after their first four bits.
func highFirst(b []byte) func(uint) int16 {
	acc, have := uint32(b[0]&0x0f), uint(4)
	b = b[1:]
	return func(bits uint) int16 {
		for have < bits {
			acc = acc<<8 | uint32(b[0])
			b = b[1:]
			have += 8
		}
		have -= bits
		v := int16(acc >> have & (1<<bits - 1))
		acc &= 1<<have - 1
		return v
	}
}

// gsmDecoder carries what one frame leaves for the next.
type gsmDecoder struct {
	past   [160]int16 // 120 reconstructed samples of the short-term residual, then the 40 of this subframe
	lastNr int16
	larpp  [8]int16 // decoded area ratios of the frame before
	v      [9]int16
	msr    int16
}

func newGSMDecoder() *gsmDecoder { return &gsmDecoder{lastNr: 40} }

func clip16(v int32) int16 { return int16(min(max(v, -32768), 32767)) }

func gsmAdd(a, b int16) int16 { return clip16(int32(a) + int32(b)) }
func gsmSub(a, b int16) int16 { return clip16(int32(a) - int32(b)) }

// gsmMulR multiplies fractions and rounds (§5.1: MULT_R).
func gsmMulR(a, b int16) int16 {
	if a == -32768 && b == -32768 {
		return 32767
	}
	return int16((int32(a)*int32(b) + 16384) >> 15)
}

var (
	gsmFactors = [8]int16{18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767} // table 5.6
	gsmGains   = [4]int16{3277, 11469, 21299, 32767}                              // table 5.3b
	gsmAreas   = [8]struct{ b, mic, inva int16 }{                                 // tables 5.1 and 5.2
		{0, -32, 13107},
		{0, -32, 13107},
		{2048, -16, 13107},
		{-2560, -16, 13107},
		{94, -8, 19223},
		{-1792, -8, 17476},
		{-341, -4, 31454},
		{-1144, -4, 29708},
	}
)

// decode gives the 160 samples of a frame.
func (d *gsmDecoder) decode(f gsmFrame, out []int16) {
	var residual [160]int16
	for i := range f.sub {
		s := &f.sub[i]
		erp := gsmPulses(s.max, s.grid, s.pulses)
		lag := s.lag
		if lag < 40 || lag > 120 {
			lag = d.lastNr
		}
		d.lastNr = lag
		gain := gsmGains[s.gain]
		for k := range 40 {
			d.past[120+k] = gsmAdd(erp[k], gsmMulR(gain, d.past[120+k-int(lag)]))
		}
		copy(residual[i*40:], d.past[120:])
		copy(d.past[:120], d.past[40:])
	}
	d.shortTerm(f.lar, &residual, out)
	for i := range 160 { // §5.3.4: de-emphasis, upscaling, truncation to 13 bits
		d.msr = gsmAdd(out[i], gsmMulR(d.msr, 28180))
		out[i] = gsmAdd(d.msr, d.msr) &^ 7
	}
}

// gsmPulses decodes the regular pulses of a subframe (§5.2.15 to §5.2.17).
func gsmPulses(max, grid int16, pulses [13]int16) (erp [40]int16) {
	exp := int16(0)
	if max > 15 {
		exp = max>>3 - 1
	}
	mant := max - exp<<3
	if mant == 0 {
		exp, mant = -4, 7
	} else {
		for mant <= 7 {
			mant = mant<<1 | 1
			exp--
		}
		mant -= 8
	}
	shift := 6 - exp
	half := shiftLeft(1, shift-1)
	for i, c := range pulses {
		v := gsmAdd(gsmMulR(gsmFactors[mant], (c<<1-7)<<12), half)
		erp[int(grid)+3*i] = shiftLeft(v, -shift)
	}
	return erp
}

// shiftLeft shifts by n places, right when n is negative; both may exceed the width.
func shiftLeft(v, n int16) int16 {
	switch {
	case n >= 16:
		return 0
	case n >= 0:
		return v << n
	case n <= -16:
		return v >> 15
	}
	return v >> -n
}

// shortTerm is the synthesis filter with its interpolated coefficients (§5.3.2).
func (d *gsmDecoder) shortTerm(coded [8]int16, residual *[160]int16, out []int16) {
	var now [8]int16
	for i, t := range gsmAreas {
		v := gsmAdd(coded[i], t.mic) << 10
		v = gsmMulR(t.inva, gsmSub(v, t.b<<1))
		now[i] = gsmAdd(v, v)
	}
	was := d.larpp
	d.larpp = now
	for _, part := range [...]struct {
		from, to int
		mix      func(was, now int16) int16
	}{
		{0, 13, func(w, n int16) int16 { return gsmAdd(gsmAdd(w>>2, n>>2), w>>1) }},
		{13, 27, func(w, n int16) int16 { return gsmAdd(w>>1, n>>1) }},
		{27, 40, func(w, n int16) int16 { return gsmAdd(gsmAdd(w>>2, n>>2), n>>1) }},
		{40, 160, func(_, n int16) int16 { return n }},
	} {
		var rp [8]int16
		for i := range rp {
			rp[i] = reflection(part.mix(was[i], now[i]))
		}
		d.filter(&rp, residual[part.from:part.to], out[part.from:part.to])
	}
}

// reflection turns a log area ratio into a reflection coefficient (§5.2.9.2).
func reflection(lar int16) int16 {
	v, neg := lar, lar < 0
	if neg {
		v = clip16(-int32(lar))
	}
	switch {
	case v < 11059:
		v <<= 1
	case v < 20070:
		v += 11059
	default:
		v = gsmAdd(v>>2, 26112)
	}
	if neg {
		return -v
	}
	return v
}

func (d *gsmDecoder) filter(rp *[8]int16, in, out []int16) {
	for k, sri := range in {
		for i := 7; i >= 0; i-- {
			sri = gsmSub(sri, gsmMulR(rp[i], d.v[i]))
			d.v[i+1] = gsmAdd(d.v[i], gsmMulR(rp[i], sri))
		}
		d.v[0] = sri
		out[k] = sri
	}
}

// gsmWarmUp is how many blocks before the wanted one are decoded after a seek: the decoder starts without a past, and by then it has
// forgotten that.
const gsmWarmUp = 25

// gsmReader decodes blocks, going on where it was when reading is sequential.
type gsmReader struct {
	r     io.ReaderAt
	p     Probed
	d     *gsmDecoder
	next  int64 // the block that d is ready for
	block int64 // the block whose samples are in pcm; -1: none
	pcm   [320]int16
	buf   [65]byte
}

func newGSMReader(r io.ReaderAt, p Probed) *gsmReader {
	return &gsmReader{r: r, p: p, d: newGSMDecoder(), block: -1}
}

func (g *gsmReader) Rate() int     { return g.p.Rate }
func (g *gsmReader) Channels() int { return 1 }
func (g *gsmReader) Frames() int64 { return g.p.Frames }
func (g *gsmReader) Close() error  { return nil }

func (g *gsmReader) ReadFrames(p []int16, at int64) (int, error) {
	if at < 0 || at >= g.p.Frames {
		return 0, io.EOF
	}
	_, per := g.p.block()
	done := 0
	for done < len(p) && at < g.p.Frames {
		if err := g.load(at / per); err != nil {
			return done, err
		}
		n := copy(p[done:], g.pcm[at%per:per])
		done, at = done+n, at+int64(n)
	}
	return done, nil
}

// load decodes a block into pcm.
func (g *gsmReader) load(block int64) error {
	if g.block == block {
		return nil
	}
	if g.next != block {
		g.d, g.next = newGSMDecoder(), max(0, block-gsmWarmUp)
	}
	size, _ := g.p.block()
	for ; g.next <= block; g.next++ {
		b := g.buf[:size]
		if n, err := g.r.ReadAt(b, g.p.DataOffset+g.next*size); n < len(b) {
			g.block = -1
			g.d, g.next = newGSMDecoder(), -1
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if g.p.Codec == GSM {
			take := lowFirst(b)
			g.d.decode(unpackGSM(take), g.pcm[:160])
			g.d.decode(unpackGSM(take), g.pcm[160:])
		} else {
			g.d.decode(unpackGSM(highFirst(b)), g.pcm[:160])
		}
	}
	g.block = block
	return nil
}
