package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ringfence/internal/base/fault"
)

// tone is two seconds of a sweep that is never near silence, with a different one per channel.
func tone(rate, channels int, secs float64) []int16 {
	n := int(float64(rate) * secs)
	out := make([]int16, 0, n*channels)
	for i := range n {
		t := float64(i) / float64(rate)
		for c := range channels {
			out = append(out, int16(9000*math.Sin(2*math.Pi*t*(200+300*float64(c)+80*t))))
		}
	}
	return out
}

func bytesOf(samples []int16) []byte {
	b := make([]byte, 0, 2*len(samples))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

func wavOf(rate, channels int, samples []int16) []byte {
	return append(WAVHeader(channels, rate, int64(len(samples)/channels)), bytesOf(samples)...)
}

// ffmpeg turns a file into another with the independent encoder or decoder.
func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-i", "pipe:0"}, append(args, "pipe:1")...)...)
	cmd.Stdin = bytes.NewReader(in)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, problems.String())
	}
	return out.Bytes()
}

func samplesOf(b []byte) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

func probe(t *testing.T, b []byte, name string, h Hint) Probed {
	t.Helper()
	p, err := Probe(bytes.NewReader(b), int64(len(b)), name, h)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

func readAll(t *testing.T, b []byte, p Probed) []int16 {
	t.Helper()
	pcm, err := OpenPCM(t.Context(), bytes.NewReader(b), p)
	if err != nil {
		t.Fatal(err)
	}
	defer pcm.Close()
	var out []int16
	if err := each(t.Context(), pcm, make([]int16, 1000), func(s []int16) error { out = append(out, s...); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDecodersAgreeWithAnotherDecoder(t *testing.T) {
	mono, stereo := wavOf(8000, 1, tone(8000, 1, 2)), wavOf(8000, 2, tone(8000, 2, 2))
	for _, c := range []struct {
		name string
		in   []byte
		args []string
		raw  []string // how the other decoder is told what a headerless file is
	}{
		{"pcm16.wav", mono, []string{"-f", "wav"}, nil},
		{"stereo.wav", stereo, []string{"-f", "wav"}, nil},
		{"pcm8.wav", mono, []string{"-c:a", "pcm_u8", "-f", "wav"}, nil},
		{"alaw.wav", mono, []string{"-c:a", "pcm_alaw", "-f", "wav"}, nil},
		{"mulaw.wav", stereo, []string{"-c:a", "pcm_mulaw", "-f", "wav"}, nil},
		{"gsm.WAV", mono, []string{"-c:a", "libgsm_ms", "-f", "wav"}, nil},
		{"bare.gsm", mono, []string{"-c:a", "libgsm", "-f", "gsm"}, []string{"-f", "gsm"}},
		{"bare.ulaw", mono, []string{"-f", "mulaw"}, []string{"-f", "mulaw", "-ar", "8000"}},
		{"bare.alaw", mono, []string{"-f", "alaw"}, []string{"-f", "alaw", "-ar", "8000"}},
		{"bare.sln16", mono, []string{"-ar", "16000", "-f", "s16le"}, []string{"-f", "s16le", "-ar", "16000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := ffmpeg(t, c.in, c.args...)
			p := probe(t, file, c.name, Hint{})
			got := readAll(t, file, p)
			cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-hide_banner", "-loglevel", "error"}, c.raw...), "-i", "pipe:0", "-f", "s16le", "pipe:1")...)
			cmd.Stdin = bytes.NewReader(file)
			want, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if !equal(got, samplesOf(want)) {
				t.Fatalf("%s: %d samples differ from the other decoder's %d", c.name, len(got), len(want)/2)
			}
		})
	}
}

func equal(a, b []int16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestHeadersThatLie(t *testing.T) {
	samples := tone(8000, 1, 1)
	whole := wavOf(8000, 1, samples)
	with := func(riff, data uint32) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[4:], riff)
		binary.LittleEndian.PutUint32(b[40:], data)
		return b
	}
	tagged := append(bytes.Clone(whole), "LIST\x04\x00\x00\x00INFO"...)
	for _, c := range []struct {
		name   string
		file   []byte
		header Header
		frames int64
	}{
		{"closed", whole, Agrees, 8000},
		{"still written", with(0, 0), Open, 8000},
		{"to a pipe", with(0xffffffff, 0xffffffff), Open, 8000},
		{"sox to a pipe", with(0x7ffff024, 0x7ffff000), Open, 8000},
		{"too large", with(36+16000, 20000), Long, 8000},
		{"end missing", whole[:len(whole)-1001], Long, 7499},
		{"too small", with(36+100, 100), Short, 8000},
		{"a tag after the sound", tagged, Agrees, 8000},
		{"header alone, closed", WAVHeader(1, 8000, 0), Agrees, 0},
		{"header alone, open", with(0, 0)[:44], Open, 0},
		{"nothing", nil, Open, 0},
		{"cut in the header", whole[:20], Open, 0},
		{"cut before the data chunk", whole[:36], Open, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := probe(t, c.file, "x.wav", Hint{})
			if p.Header != c.header || p.Frames != c.frames || p.Empty() != (c.frames == 0) {
				t.Fatalf("header %s with %d frames, want %s with %d", p.Header, p.Frames, c.header, c.frames)
			}
			if got := readAll(t, c.file, p); int64(len(got)) != c.frames || !equal(got, samples[:len(got)]) {
				t.Fatalf("decoded %d samples", len(got))
			}
		})
	}
}

func TestRefusedWithAReason(t *testing.T) {
	fmtWith := func(codec, channels, bits uint16, rate uint32) []byte {
		b := wavOf(8000, 1, tone(8000, 1, 1))
		binary.LittleEndian.PutUint16(b[20:], codec)
		binary.LittleEndian.PutUint16(b[22:], channels)
		binary.LittleEndian.PutUint32(b[24:], rate)
		binary.LittleEndian.PutUint16(b[34:], bits)
		return b
	}
	vorbis := ffmpeg(t, wavOf(8000, 1, tone(8000, 1, 1)), "-c:a", "libvorbis", "-f", "ogg")
	for name, file := range map[string][]byte{
		"text.wav": []byte("Dear Sir or Madam, this is not a recording at all."), "zip.wav": []byte("PK\x03\x04 and more of it"),
		"24bit.wav": fmtWith(1, 1, 24, 8000), "float.wav": fmtWith(3, 1, 32, 8000), "g729.wav": fmtWith(0x83, 1, 0, 8000),
		"many.wav": fmtWith(1, 6, 16, 8000), "none.wav": fmtWith(1, 0, 16, 8000), "fast.wav": fmtWith(1, 1, 16, 4_000_000_000),
		"gsm2.wav": fmtWith(0x31, 2, 0, 8000), "vorbis.ogg": vorbis, "notes.txt": []byte("hello there"), "x.mp3": bytes.Repeat([]byte("abc"), 1000),
		"nodata.wav": append([]byte("RIFF\x00\x10\x00\x00WAVE"), bytes.Repeat([]byte("junk\x04\x00\x00\x00abcd"), 80)...),
	} {
		_, err := Probe(bytes.NewReader(file), int64(len(file)), name, Hint{})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want a fault that says why", name, err)
		}
	}
}

// huge is a file of any length that counts what is read of it.
type huge struct {
	head []byte
	size int64
	read int64
}

func (h *huge) ReadAt(p []byte, off int64) (int, error) {
	if off >= h.size {
		return 0, io.EOF
	}
	clear(p)
	if off < int64(len(h.head)) {
		copy(p, h.head[off:])
	}
	n := min(int64(len(p)), h.size-off)
	h.read += n
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func TestThreeGigabytesAreNeverReadWhole(t *testing.T) {
	const size = 3 << 30
	f := &huge{head: WAVHeader(1, 8000, (size-44)/2), size: size}
	p, err := Probe(f, size, "long.wav", Hint{})
	if err != nil || p.Header != Agrees || p.Seconds < 201_000 {
		t.Fatalf("%+v, %v", p, err)
	}
	pcm, err := OpenPCM(t.Context(), f, p)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWAV(pcm)
	if w.Size() != size {
		t.Fatalf("virtual file of %d bytes", w.Size())
	}
	if n, err := w.ReadAt(make([]byte, 1000), size-500); n != 500 || !errors.Is(err, io.EOF) {
		t.Fatalf("read %d bytes at the end: %v", n, err)
	}
	if f.read > 64<<10 {
		t.Fatalf("%d bytes were read of a file of which only the header and the end were wanted", f.read)
	}
}

func TestSeekInGSMSoundsLikeReadingThrough(t *testing.T) {
	file := ffmpeg(t, wavOf(8000, 1, tone(8000, 1, 10)), "-c:a", "libgsm_ms", "-f", "wav")
	p := probe(t, file, "x.WAV", Hint{})
	through := readAll(t, file, p)
	for _, at := range []int64{0, 1, 319, 320, 12345, p.Frames - 100} {
		pcm, _ := OpenPCM(t.Context(), bytes.NewReader(file), p)
		got := make([]int16, 100)
		if _, err := pcm.ReadFrames(got, at); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if d := int(v) - int(through[at+int64(i)]); d > 600 || d < -600 {
				t.Fatalf("at %d: sample %d is %d off", at, i, d)
			}
		}
	}
}

func TestMP3AndOpusThroughTheChild(t *testing.T) {
	source := tone(16000, 1, 30)
	in := wavOf(16000, 1, source)
	for _, c := range []struct {
		name  string
		args  []string
		delay int // samples by which the codec is late; it depends on the encoder only
	}{
		{"tagged.mp3", []string{"-c:a", "libmp3lame", "-b:a", "32k", "-f", "mp3"}, 1105},
		{"bare.mp3", []string{"-c:a", "libmp3lame", "-q:a", "5", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"}, 1105},
		{"call.opus", []string{"-c:a", "libopus", "-b:a", "16k", "-f", "ogg"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := ffmpeg(t, in, c.args...)
			p := probe(t, file, c.name, Hint{})
			if math.Abs(p.Seconds-30) > 0.2 || p.Channels != 1 {
				t.Fatalf("%+v", p)
			}
			pcm, err := OpenPCM(t.Context(), bytes.NewReader(file), p)
			if err != nil {
				t.Fatal(err)
			}
			defer pcm.Close()
			for _, at := range []float64{0.5, 25, 3, 29} {
				got := readFrom(t, pcm, int64(at*float64(p.Rate))+int64(c.delay), p.Rate/10)
				if near := correlation(got, p.Rate, source, at); near < 0.8 {
					t.Errorf("at %v s the sound is not the source's: %.2f", at, near)
				}
			}
			if n, err := pcm.ReadFrames(make([]int16, 10), p.Frames); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("past the end: %d, %v", n, err)
			}
		})
	}
}

// readFrom reads exactly n samples.
func readFrom(t *testing.T, pcm PCM, at int64, n int) []int16 {
	t.Helper()
	out := make([]int16, n)
	for done := 0; done < n; {
		got, err := pcm.ReadFrames(out[done:], at+int64(done))
		if err != nil {
			t.Fatal(err)
		}
		done += got
	}
	return out
}

// correlation compares a piece with the source at a time, allowing for a shift of 20 ms either way.
func correlation(got []int16, rate int, source []int16, at float64) float64 {
	best := 0.0
	for shift := -0.02; shift <= 0.02; shift += 1.0 / 16000 {
		var ab, aa, bb float64
		for i, v := range got {
			j := int((at + shift + float64(i)/float64(rate)) * 16000)
			if j < 0 || j >= len(source) {
				continue
			}
			a, b := float64(v), float64(source[j])
			ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
		}
		if aa > 0 && bb > 0 {
			best = max(best, ab/math.Sqrt(aa*bb))
		}
	}
	return best
}

func TestFixturesOfARealPBX(t *testing.T) {
	root := filepath.Join("..", "capture", "testdata", "asterisk", "monitor", "2026", "11", "22")
	for name, want := range map[string]string{
		"q-care-01614960163-20261122-053722-1795325842.21.WAV":        "gsm_ms mono-mix 26.56 agrees",
		"q-care-07700900023-20261122-053752-1795325872.37-rx.wav":     "pcm_s16le caller 18.54 agrees",
		"q-care-07700900023-20261122-053752-1795325872.37-tx.wav":     "pcm_s16le agent 18.54 agrees",
		"q-care-anonymous-20261122-053813-1795325893.49.ulaw":         "mulaw mono-mix 23.34 absent",
		"q-care-01614960176-20261122-054110-1795326070.153.wav":       "pcm_s16le mono-mix 16.384 open",
		"q-sales-01614960145-20261122-053810-1795325890.45.wav":       "pcm_s16le mono-mix 0 agrees",
		"q-support-01614960187-20261122-054210-pbx2-1795326130.0.wav": "pcm_s16le mono-mix 14.336 open",
	} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		p := probe(t, b, name, Hint{})
		if got := fmt.Sprintf("%s %s %v %s", p.Codec, p.Layout, p.Seconds, p.Header); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestStereoWithoutHeaderIsCallerLeft(t *testing.T) {
	b := bytesOf(tone(8000, 2, 1))
	p := probe(t, b, "out-123-212-x.raw", Hint{})
	if p.Channels != 2 || p.Layout != Sides || p.Seconds != 1 {
		t.Fatalf("%+v", p)
	}
	p = probe(t, b, "x.raw", Hint{Codec: PCM16, Rate: 16000, Channels: 1, Layout: Agent})
	if p.Channels != 1 || p.Layout != Agent || p.Seconds != 1 {
		t.Fatalf("the source's settings were not followed: %+v", p)
	}
}

func TestRF64(t *testing.T) {
	samples := tone(8000, 1, 1)
	b := []byte("RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00")
	b = binary.LittleEndian.AppendUint64(b, 80+16000-8)
	b = binary.LittleEndian.AppendUint64(b, 16000)
	b = binary.LittleEndian.AppendUint64(b, 8000)
	b = append(b, 0, 0, 0, 0)
	b = append(b, wavOf(8000, 1, nil)[12:40]...)
	b = append(b, "\xff\xff\xff\xff"...)
	b = append(b, bytesOf(samples)...)
	p := probe(t, b, "x.wav", Hint{})
	if p.Header != Agrees || !equal(readAll(t, b, p), samples) {
		t.Fatalf("%+v", p)
	}
}
