package speech

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Builtin is PocketSphinx, run as a child process. It needs no network and no
// account, knows American English only, and is poor: on real telephone sound
// every second word may be wrong. A crash, its memory and its C stay out of this
// process; no sound and no text touches the disk, as the child reads and writes
// files that exist in memory alone.
type Builtin struct {
	Program string // "": pocketsphinx_batch from the path
	Models  string // folder of the model; "": where Debian puts it
}

const (
	sphinxProgram = "pocketsphinx_batch"
	sphinxModels  = "/usr/share/pocketsphinx/model/en-us"
	sphinxFrame   = engineRate / 100 // samples; PocketSphinx counts hundredths of seconds
	// longestUtterance bounds how much is decoded at once: memory and errors grow with it.
	longestUtterance = 20 * engineRate
)

// sphinxFlags trade a little accuracy for speed: no second pass over the lattice
// and a limit on hypotheses. On six telephone-like sentences by a synthesiser
// they took 4.9 s of computing instead of 11.2 for 25 s of sound, with 36 % of the
// words wrong either way; tighter limits (3.5 s) went to 42 %.
var sphinxFlags = []string{"-fwdflat", "no", "-maxhmmpf", "3000", "-maxwpf", "5"}

// Abilities implements Engine.
func (b Builtin) Abilities() Abilities {
	return Abilities{
		Name: "builtin", Model: "pocketsphinx en-us", Quality: Draft, Longest: 5 * time.Minute,
		Language: func(tag string) (string, string) {
			if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == "en" {
				return "en-us", ""
			}
			return "", "the built-in engine knows only English"
		},
	}
}

// Check implements Engine.
func (b Builtin) Check(context.Context) error {
	const install = "install the packages pocketsphinx and pocketsphinx-en-us"
	if _, err := exec.LookPath(b.program()); err != nil {
		return &Refusal{"the built-in engine is not on this host; " + install}
	}
	for _, f := range b.files() {
		if _, err := os.Stat(f); err != nil {
			return &Refusal{"the model of the built-in engine is not on this host; " + install}
		}
	}
	return nil
}

func (b Builtin) program() string {
	if b.Program != "" {
		return b.Program
	}
	return sphinxProgram
}

// files are the acoustic model, the language model and the dictionary.
func (b Builtin) files() [3]string {
	dir := b.Models
	if dir == "" {
		dir = sphinxModels
	}
	return [3]string{filepath.Join(dir, "en-us"), filepath.Join(dir, "en-us.lm.bin"), filepath.Join(dir, "cmudict-en-us.dict")}
}

// Transcribe implements Engine.
func (b Builtin) Transcribe(ctx context.Context, _ Session, p Piece) ([]Utterance, error) {
	if err := b.Check(ctx); err != nil {
		return nil, err
	}
	// All channels are heard by one child, one behind the other: to load the model
	// takes half a second.
	var sound []int16
	var parts []part
	for c, samples := range p.Channels {
		for _, s := range sentences(p, c) {
			parts = append(parts, part{c, Span{s.From + len(sound), s.To + len(sound)}, s})
		}
		sound = append(sound, resample(samples, p.Rate, engineRate)...)
		sound = append(sound, make([]int16, (sphinxFrame-len(sound)%sphinxFrame)%sphinxFrame)...)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return b.hear(ctx, sound, parts)
}

// part is a sentence to be decoded.
type part struct {
	channel int
	at      Span // in what the child reads
	said    Span // in its channel
}

// sentences gives the speech of a channel in samples of engineRate, in whole
// frames of PocketSphinx, none too long.
func sentences(p Piece, channel int) []Span {
	var out []Span
	m := newMeter(p.Rate)
	m.add(p.Channels[channel])
	m.flush()
	for _, s := range p.Speech[channel] {
		for _, part := range m.cut([]Span{s}, longestUtterance*p.Rate/engineRate) {
			scale := func(n int) int { return int(int64(n) * engineRate / int64(p.Rate) / sphinxFrame * sphinxFrame) }
			if from, to := scale(part.From), scale(part.To); to-from >= 10*sphinxFrame {
				out = append(out, Span{from, to})
			}
		}
	}
	return out
}

// hear runs the child process.
func (b Builtin) hear(ctx context.Context, samples []int16, parts []part) ([]Utterance, error) {
	raw := make([]byte, 2*len(samples))
	for i, s := range samples {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(s))
	}
	var list strings.Builder
	for i, p := range parts {
		fmt.Fprintf(&list, "%s %d %d u%d\n", inherited(childSound), p.at.From/sphinxFrame, p.at.To/sphinxFrame, i)
	}
	files := b.files()
	args := append([]string{
		"-hmm", files[0], "-lm", files[1], "-dict", files[2], "-adcin", "yes", "-cepext", "", "-remove_silence", "no",
		"-ctl", inherited(childList), "-hypseg", inherited(childResult), "-backtrace", "yes",
	}, sphinxFlags...)
	seconds := len(samples) / engineRate
	out, diary, err := runChild(ctx, child{
		program: b.program(), args: args, sound: raw, list: []byte(list.String()),
		limit: time.Duration(60+10*seconds) * time.Second, processor: time.Duration(30+5*seconds) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return utterances(string(out), confidences(diary), parts)
}

// utterances reads the file of -hypseg, one line for each utterance:
//
//	u0 S 0 T -19061468 A -18530304 L -531164 0 -100352 0 <s> 21 -480256 -398 good 35 … </s> 529
//
// where each word stands behind its first frame and two scores, and the last
// number is the end. An utterance that is missing was not decoded.
func utterances(segments string, sure map[int][]segment, parts []part) ([]Utterance, error) {
	var all []Utterance
	seen := 0
	for line := range strings.Lines(segments) {
		f := strings.Fields(line)
		if len(f) < 10 {
			continue
		}
		i, err := strconv.Atoi(strings.TrimPrefix(f[0], "u"))
		if err != nil || i < 0 || i >= len(parts) {
			return nil, later(nil, 0, "the built-in engine wrote something that cannot be read")
		}
		seen++
		said := parts[i].said
		u := Utterance{Channel: parts[i].channel, Start: soundTime(said.From), End: soundTime(said.To)}
		for _, s := range segmentsOf(f[9:]) {
			text, ok := spokenWord(s.word)
			if !ok {
				continue
			}
			confidence := float64(Unknown)
			for _, c := range sure[i] {
				if c.from == s.from && c.word == s.word {
					confidence = c.confidence
				}
			}
			u.Words = append(u.Words, Word{text, soundTime(said.From + s.from*sphinxFrame), soundTime(said.From + (s.to+1)*sphinxFrame), confidence})
			u.Text += " " + text
		}
		if u.Text = strings.TrimSpace(u.Text); u.Text != "" {
			all = append(all, u)
		}
	}
	if seen == 0 {
		return nil, later(nil, 0, "the built-in engine heard speech but returned nothing")
	}
	return all, nil
}

// segment is a word between two frames.
type segment struct {
	word       string
	from, to   int
	confidence float64
}

// segmentsOf reads groups of: first frame, two scores, word.
func segmentsOf(f []string) []segment {
	var out []segment
	for ; len(f) >= 4; f = f[4:] {
		from, err := strconv.Atoi(f[0])
		if err != nil {
			break
		}
		if n := len(out); n > 0 {
			out[n-1].to = from - 1
		}
		out = append(out, segment{word: f[3], from: from, to: from})
	}
	if n := len(out); n > 0 && len(f) > 0 {
		if to, err := strconv.Atoi(f[0]); err == nil {
			out[n-1].to = to
		}
	}
	return out
}

// confidences reads the child's diary, where -backtrace writes how likely each
// word was: "word start end probability …" under "Decoding 'u3'".
func confidences(diary string) map[int][]segment {
	sure := map[int][]segment{}
	current := -1
	lines := bufio.NewScanner(strings.NewReader(diary))
	for lines.Scan() {
		line := lines.Text()
		if _, name, ok := strings.Cut(line, "Decoding 'u"); ok {
			name, _, _ = strings.Cut(name, "'")
			if n, err := strconv.Atoi(name); err == nil {
				current = n
			}
			continue
		}
		f := strings.Fields(line)
		if len(f) != 7 || current < 0 {
			continue
		}
		from, err1 := strconv.Atoi(f[1])
		p, err2 := strconv.ParseFloat(f[3], 64)
		if err1 == nil && err2 == nil && p >= 0 && p <= 1 {
			sure[current] = append(sure[current], segment{word: f[0], from: from, confidence: p})
		}
	}
	return sure
}

// spokenWord leaves out silence and noise, and the number of a pronunciation: and(2).
func spokenWord(w string) (string, bool) {
	if strings.HasPrefix(w, "<") || strings.HasPrefix(w, "[") || strings.HasPrefix(w, "++") || w == "" {
		return "", false
	}
	w, _, _ = strings.Cut(w, "(")
	return w, w != ""
}

func soundTime(samples int) time.Duration { return time.Duration(samples) * time.Second / engineRate }
