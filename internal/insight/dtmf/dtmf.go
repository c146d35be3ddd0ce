// Package dtmf finds keys that were pressed on a telephone, in sound: the pairs
// of tones of ITU-T Q.23, by Goertzel's algorithm. It tells when, never which:
// what was keyed is nobody's business here.
//
// Speech has such pairs by chance ("talk-off"). A key counts only if two tones,
// one of each group, carry nearly all of the energy, are about equally strong,
// have no second harmonic as voices do, and last 40 ms or longer (Q.24).
package dtmf

import (
	"math"
	"time"
)

// Key is a key that was pressed.
type Key struct {
	From, To time.Duration
}

var (
	low  = [4]float64{697, 770, 852, 941}
	high = [4]float64{1209, 1336, 1477, 1633}
)

const (
	block     = 13 * time.Millisecond // resolves neighbours of the groups, and fits into the shortest key
	least     = 3                     // blocks that make a key
	purity    = 0.80                  // share of a block's energy that the two tones carry
	twist     = 8.0                   // how many times stronger one tone may be, in energy
	harmonics = 0.12                  // of the energy of a tone, at twice its frequency
	floor     = 120.0 * 120.0         // mean energy below which a block is silence
)

// Finder finds keys in one channel. Write gives it sound in any pieces.
type Finder struct {
	rate  int
	size  int
	buf   []float64
	at    int64 // samples before buf
	run   int   // blocks in a row with the same pair
	pair  int   // of that run; -1: none
	begun int64
	miss  int
	keys  []Key
	coeff [16]float64
}

// New makes a finder for sound of a rate.
func New(rate int) *Finder {
	f := &Finder{rate: rate, size: int(block * time.Duration(rate) / time.Second), pair: -1}
	for i := range 4 {
		f.coeff[i], f.coeff[4+i] = f.turn(low[i]), f.turn(high[i])
		f.coeff[8+i], f.coeff[12+i] = f.turn(2*low[i]), f.turn(2*high[i])
	}
	return f
}

func (f *Finder) turn(hz float64) float64 { return 2 * math.Cos(2*math.Pi*hz/float64(f.rate)) }

// Write takes samples of the channel: every step-th of pcm, from the first.
func (f *Finder) Write(pcm []int16, first, step int) {
	for i := first; i < len(pcm); i += step {
		f.buf = append(f.buf, float64(pcm[i]))
		if len(f.buf) == f.size {
			f.look()
			f.at += int64(f.size)
			f.buf = f.buf[:0]
		}
	}
}

// Keys are those that were found so far, in their order.
func (f *Finder) Keys() []Key {
	f.end()
	return f.keys
}

func (f *Finder) energy(coeff float64) float64 {
	var a, b float64
	for _, x := range f.buf {
		a, b = x+coeff*a-b, a
	}
	return a*a + b*b - coeff*a*b
}

// look decides what one block is, and follows a key from block to block.
func (f *Finder) look() {
	pair := f.which()
	switch {
	case pair >= 0 && pair == f.pair:
		f.run, f.miss = f.run+1, 0
	case f.pair >= 0 && pair < 0 && f.miss == 0: // one block may fail within a key
		f.miss = 1
		f.run++
	default:
		f.end()
		if pair >= 0 {
			f.pair, f.run, f.begun = pair, 1, f.at
		}
	}
}

func (f *Finder) end() {
	if n := f.run - f.miss; f.pair >= 0 && n >= least {
		at := func(sample int64) time.Duration { return time.Duration(sample) * time.Second / time.Duration(f.rate) }
		f.keys = append(f.keys, Key{at(f.begun), at(f.begun + int64(n*f.size))})
	}
	f.pair, f.run, f.miss = -1, 0, 0
}

// which gives the pair of tones that a block is, or -1.
func (f *Finder) which() int {
	total := 0.0
	for _, x := range f.buf {
		total += x * x
	}
	n := float64(len(f.buf))
	if total/n < floor {
		return -1
	}
	best, at := [2]float64{}, [2]int{}
	for g := range 2 {
		for i := range 4 {
			if e := f.energy(f.coeff[4*g+i]); e > best[g] {
				best[g], at[g] = e, i
			}
		}
	}
	// A pure tone of energy E over n samples gives n·E/2.
	if 2*(best[0]+best[1])/(n*total) < purity || best[0] > twist*best[1] || best[1] > twist*best[0] {
		return -1
	}
	for g := range 2 {
		if 2*high[at[1]] < float64(f.rate)/2 || g == 0 {
			if f.energy(f.coeff[8+4*g+at[g]]) > harmonics*best[g] {
				return -1
			}
		}
	}
	return 4*at[0] + at[1]
}

// Series are stretches in which at least so many keys were pressed with no more
// than gap between two: a number that was keyed in.
func Series(keys []Key, count int, gap time.Duration) (all []Key) {
	for i := 0; i < len(keys); {
		j := i + 1
		for j < len(keys) && keys[j].From-keys[j-1].To <= gap {
			j++
		}
		if j-i >= count {
			all = append(all, Key{keys[i].From, keys[j-1].To})
		}
		i = j
	}
	return all
}
