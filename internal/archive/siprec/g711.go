package siprec

// What is needed of ITU-T G.711 to lay several streams on one channel: from one
// law to the other, and adding samples up. Tables, as it is done 16,000 times a
// second and call.

var (
	linear  = [2]*[256]int16{expand(MuLaw), expand(ALaw)} // by lawIndex
	nearest = [2]*[4096]byte{compress(MuLaw), compress(ALaw)}
	across  = [2]*[256]byte{convert(MuLaw, ALaw), convert(ALaw, MuLaw)} // from the law of the index to the other
)

func (l Law) index() int {
	if l == MuLaw {
		return 0
	}
	return 1
}

func expand(l Law) *[256]int16 {
	var t [256]int16
	for i := range t {
		c, v := byte(i), 0
		if l == ALaw {
			c ^= 0x55
			v = int(c&0x0f)<<4 + 8
			if seg := c >> 4 & 7; seg > 0 {
				v = (v + 0x100) << (seg - 1)
			}
			if c&0x80 == 0 {
				v = -v
			}
		} else {
			c = ^c
			v = (int(c&0x0f)<<3+0x84)<<(c>>4&7) - 0x84
			if c&0x80 != 0 {
				v = -v
			}
		}
		t[i] = int16(v)
	}
	return &t
}

// compress gives for each step of 16 the code whose value is the nearest.
func compress(l Law) *[4096]byte {
	values := expand(l)
	var t [4096]byte
	for i := range t {
		want, best, far := (i-2048)*16+8, 0, 1<<30
		for c, v := range values {
			if d := max(want-int(v), int(v)-want); d < far {
				best, far = c, d
			}
		}
		t[i] = byte(best)
	}
	return &t
}

func convert(from, to Law) *[256]byte {
	var t [256]byte
	values, target := expand(from), expand(to)
	for i, v := range values {
		best, far := 0, 1<<30
		for c, w := range target {
			if d := max(int(v)-int(w), int(w)-int(v)); d < far {
				best, far = c, d
			}
		}
		t[i] = byte(best)
	}
	return &t
}

// recode writes samples of one law in another.
func recode(dst, src []byte, from, to Law) {
	if from == to {
		copy(dst, src)
		return
	}
	t := across[from.index()]
	for i, c := range src {
		dst[i] = t[c]
	}
}

// mix adds samples to those that are there.
func mix(into, more []byte, l Law) {
	values, codes := linear[l.index()], nearest[l.index()]
	for i, c := range more {
		sum := int(values[into[i]]) + int(values[c])
		into[i] = codes[(min(max(sum, -32768), 32767)+32768)>>4]
	}
}
