package speech

import "math"

// engineRate is what recognisers are trained on. Telephone sound of 8 kHz gains
// nothing by it, but some servers take nothing else.
const engineRate = 16000

// resample changes the rate with a windowed sinc (Hann, 16 zero crossings to
// each side), which keeps the images of the telephone band out of the upper half.
func resample(in []int16, from, to int) []int16 {
	if from == to || len(in) == 0 {
		return in
	}
	g := gcd(from, to)
	up, down := to/g, from/g
	const reach = 16
	cutoff := min(1, float64(to)/float64(from))
	half := int(math.Ceil(reach / cutoff))
	phases := make([][]float32, up)
	for p := range phases {
		phases[p] = phase(float64(p)/float64(up), half, cutoff)
	}
	out := make([]int16, int(int64(len(in))*int64(up)/int64(down)))
	for i := range out {
		pos := int64(i) * int64(down)
		center, taps := int(pos/int64(up)), phases[pos%int64(up)]
		var sum float32
		for k, t := range taps {
			if at := center - half + 1 + k; at >= 0 && at < len(in) {
				sum += t * float32(in[at])
			}
		}
		out[i] = int16(min(max(math.Round(float64(sum)), -32768), 32767))
	}
	return out
}

// phase gives the weights of the samples around a point that lies a fraction of
// a sample after the one in the middle. They add up to one.
func phase(fraction float64, half int, cutoff float64) []float32 {
	taps := make([]float64, 2*half)
	sum := 0.0
	for k := range taps {
		d := float64(k-half+1) - fraction
		w := 0.5 + 0.5*math.Cos(math.Pi*d/float64(half))
		if math.Abs(d) >= float64(half) {
			w = 0
		}
		if x := math.Pi * d * cutoff; x != 0 {
			w *= math.Sin(x) / x
		}
		taps[k] = w
		sum += w
	}
	out := make([]float32, len(taps))
	for k := range taps {
		out[k] = float32(taps[k] / sum)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
