package speech

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// demoPiece is one of the demo's conversations, a party per channel.
func demoPiece(t *testing.T, name string) Piece {
	t.Helper()
	f, err := os.Open(filepath.Join("../../../demo/sounds", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	probed, err := sound.Probe(f, info.Size(), name, sound.Hint{})
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := sound.OpenPCM(t.Context(), f, probed)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]int16, int(pcm.Frames())*pcm.Channels())
	if _, err := pcm.ReadFrames(all, 0); err != nil {
		t.Fatal(err)
	}
	p := Piece{Rate: pcm.Rate(), Channels: make([][]int16, pcm.Channels())}
	for i, s := range all {
		c := i % len(p.Channels)
		p.Channels[c] = append(p.Channels[c], s)
	}
	for _, samples := range p.Channels {
		m := newMeter(p.Rate)
		m.add(samples)
		p.Speech = append(p.Speech, m.speech())
	}
	return p
}

// The real recogniser on a conversation of the demo. The words that are asked
// for are few: what is tested is that they come with the right speaker at the
// right time, not how good the recogniser is.
func TestBuiltinHearsADemoConversation(t *testing.T) {
	p := demoPiece(t, "opening-hours.wav")
	got, err := Builtin{}.Transcribe(t.Context(), Session{}, p)
	if err != nil {
		t.Fatal(err)
	}
	for channel := range 2 {
		words, last := []string{}, time.Duration(0)
		for _, u := range got {
			if u.Channel != channel {
				continue
			}
			for _, w := range u.Words {
				words = append(words, w.Text)
				if w.Start < last || w.End < w.Start || w.End > u.End+50*time.Millisecond || w.Confidence < 0 || w.Confidence > 1 {
					t.Errorf("%q at %v to %v with confidence %v in %v to %v", w.Text, w.Start, w.End, w.Confidence, u.Start, u.End)
				}
				last = w.Start
			}
			if strings.ContainsAny(u.Text, "<>()[]+") {
				t.Errorf("marks are left in %q", u.Text)
			}
		}
		t.Logf("channel %d: %s", channel, strings.Join(words, " "))
		if len(words) < 6 {
			t.Errorf("channel %d has %d words", channel, len(words))
		}
	}
	// The parties take turns, so their utterances do.
	slices.SortFunc(got, func(a, b Utterance) int { return int(a.Start - b.Start) })
	for i := 1; i < len(got); i++ {
		if got[i].Channel == got[i-1].Channel || got[i].Start < got[i-1].End-time.Second {
			t.Errorf("utterance %d: channel %d at %v after channel %d until %v", i, got[i].Channel, got[i].Start, got[i-1].Channel, got[i-1].End)
		}
	}
}

// script makes a program that stands in for the recogniser.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recogniser")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nPATH=/usr/bin:/bin\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// models makes empty files where the model is looked for.
func models(t *testing.T) string {
	dir := t.TempDir()
	for _, f := range (Builtin{Models: dir}).files() {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBuiltinFailures(t *testing.T) {
	p := twoSeconds(1)
	for name, body := range map[string]string{
		"ends with an error": "exit 1",
		"killed":             "kill -9 $$",
		"writes nothing":     "exit 0",
		"writes nonsense":    `echo "u99 S 0 T 1 A 1 L 1 0 1 1 hello 9" > /proc/self/fd/5`,
		"no program at all":  "\x00",
	} {
		_, err := Builtin{Program: script(t, body), Models: models(t)}.Transcribe(t.Context(), Session{}, p)
		if !fault.Is(err, fault.Unavailable) || isRefusal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := Builtin{Program: script(t, `echo "u0 S 0 T -1 A -1 L -1 0 -1 0 <s> 10 -1 -3 good(2) 35 -1 -2 [NOISE] 40 -1 -2 day 60 -1 -1 </s> 70" > /proc/self/fd/5; echo "INFO: batch.c(729): Decoding 'u0'" >&2; echo "day 40 59 0.25 -1 -2 3" >&2`), Models: models(t)}
	got, err := b.Transcribe(t.Context(), Session{}, p)
	if err != nil || len(got) != 1 || got[0].Text != "good day" || got[0].Words[0].Confidence != Unknown || got[0].Words[1].Confidence != 0.25 ||
		got[0].Words[1].Start != 250*time.Millisecond+400*time.Millisecond || got[0].Words[0].End != 250*time.Millisecond+350*time.Millisecond {
		t.Errorf("%+v %v", got, err)
	}
}

func TestBuiltinMissing(t *testing.T) {
	for name, b := range map[string]Builtin{
		"program": {Program: "/nowhere/pocketsphinx_batch"},
		"model":   {Program: "/bin/sh", Models: "/nowhere"},
	} {
		err := b.Check(t.Context())
		if !isRefusal(err) || !strings.Contains(err.Error(), "pocketsphinx-en-us") {
			t.Errorf("%s: %v", name, err)
		}
		if _, terr := b.Transcribe(t.Context(), Session{}, twoSeconds(1)); !isRefusal(terr) {
			t.Errorf("%s: %v", name, terr)
		}
	}
	if _, problem := (Builtin{}).Abilities().Language("de-DE"); problem == "" {
		t.Error("German was promised")
	}
	if _, problem := (Builtin{}).Abilities().Language("en-GB"); problem != "" {
		t.Error(problem)
	}
}

// A child that hangs dies with its limit, with its caller, and leaves nothing behind.
func TestBuiltinThatHangsIsKilled(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "pid")
	b := Builtin{Program: script(t, "echo $$ > "+mark+"; exec sleep 600"), Models: models(t)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var start time.Time
	go func() {
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			if pid, err := os.ReadFile(mark); err == nil && len(pid) > 0 {
				start = time.Now()
				cancel()
			}
		}
	}()
	_, err := b.Transcribe(ctx, Session{}, twoSeconds(1))
	if err == nil || isRefusal(err) || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	pid, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the child is still there: %v", err)
	}
	_, _, err = runChild(t.Context(), child{program: b.Program, limit: 100 * time.Millisecond, processor: time.Minute})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "in time") {
		t.Errorf("its own limit: %v", err)
	}
	busy := script(t, "while :; do :; done")
	start = time.Now()
	_, _, err = runChild(t.Context(), child{program: busy, limit: time.Minute, processor: time.Second})
	if !fault.Is(err, fault.Unavailable) || time.Since(start) > 40*time.Second {
		t.Errorf("the limit of computing: %v after %v", err, time.Since(start))
	}
}

func FuzzSegments(f *testing.F) {
	f.Add("u0 S 0 T -1 A -1 L -1 0 -1 0 <s> 10 -1 -3 good(2) 35 -1 -1 </s> 70", "Decoding 'u0'\ngood 1 2 0.5 1 1 1")
	f.Fuzz(func(t *testing.T, segments, diary string) {
		utterances(segments, confidences(diary), []part{{0, Span{0, 160000}, Span{0, 160000}}})
	})
}
