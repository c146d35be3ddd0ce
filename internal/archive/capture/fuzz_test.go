package capture

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// seeds adds the lines of a log of the fixtures and some that are wrong.
func seeds(f *testing.F, log string) {
	b, err := os.ReadFile(filepath.Join(fixtures, log))
	if err != nil {
		f.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for _, l := range lines[:min(len(lines), 12)] {
		f.Add(l)
	}
	for _, l := range []string{"", `"`, `"a""b",c`, `"x"y`, "|||||", "\x00\xff", `"ANSWER","9999-99-99 99:99:99"`, "1795325804.999999|x", strings.Repeat(",", 30)} {
		f.Add(l)
	}
}

func FuzzCDR(f *testing.F) {
	seeds(f, "cdr-csv/Master.csv")
	seeds(f, "cdr-custom/Master-rec.csv")
	zone := london(f)
	f.Fuzz(func(t *testing.T, line string) {
		p := parser{clock: clock{zone: zone}, pool: pool{}}
		row, _, err := p.cdr(line)
		if err == nil && (row.uid == "" || row.start == 0 && !strings.Contains(line, "1970")) {
			t.Fatalf("%+v", row)
		}
	})
}

func FuzzCEL(f *testing.F) {
	seeds(f, "cel-custom/Master.csv")
	zone := london(f)
	f.Fuzz(func(t *testing.T, line string) {
		p := parser{clock: clock{zone: zone}, pool: pool{}}
		ev, _, err := p.cel(line)
		if err != nil {
			return
		}
		j := newJoiner()
		j.add(&entry{kind: kindCEL, at: ev.at, cel: ev})
		for c := range j.all {
			call := j.build(c, nil)
			if _, err := json.Marshal(call); err != nil && call.StartedAt.Year() < 10000 && call.StartedAt.Year() >= 0 {
				t.Fatal(err)
			}
		}
	})
}

func FuzzQueueLog(f *testing.F) {
	seeds(f, "queue_log")
	f.Fuzz(func(t *testing.T, line string) {
		p := parser{clock: clock{zone: time.UTC}, pool: pool{}}
		ev, err := p.queue(line)
		if err != nil {
			return
		}
		j := newJoiner()
		j.add(&entry{kind: kindQueue, at: ev.at, queue: ev})
		for c := range j.all {
			_ = j.build(c, nil)
		}
	})
}

// FuzzName reads any name: it never leaves its folder, and what is shown of it is text.
func FuzzName(f *testing.F) {
	for _, n := range []string{
		"2026/11/22/q-care-01614960152-20261122-053644-1795325804.0.wav", "q-a-b-c-+447700900456-20261122-053644-pbx-2-1795325804.0-rx.wav", "auto-1795325804-212-211.wav",
		"../../etc/passwd.wav", "-.wav", ".wav", "out--20261122-053644.WAV", "Gespr\xe4ch.wav", "20261122-053644", "a-99999999-999999-99999999999999999999.1.wav",
	} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n := parseFileName(name)
		if n.uid != "" && !strings.Contains(name, n.uid) {
			t.Fatalf("%+v", n)
		}
		if s := Shown(name); !utf8.ValidString(s) {
			t.Fatalf("%q", s)
		}
		j := newJoiner()
		call := j.build(&cluster{id: "file:" + n.group}, []*soundFile{{path: name, name: n}})
		if _, err := json.Marshal(call); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPattern takes any pattern and name; one that is accepted puts the name together again.
func FuzzPattern(f *testing.F) {
	f.Add("{started:20060102-150405}_{caller}_{dialled}_{extension}", "20261122-053644_1_2_3")
	f.Add("{queue}/{id}-{side}", "a/b/c-d")
	f.Add("{_}x{caller}x{_}", strings.Repeat("x", 300))
	f.Add("{started:unix}{", "1")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := parsePattern(pattern)
		if err != nil {
			return
		}
		got, ok := p.match(name)
		if !ok {
			return
		}
		var again strings.Builder
		for _, part := range p.parts {
			switch part.name {
			case "":
				again.WriteString(part.text)
			case "_":
				return
			default:
				again.WriteString(got[part.name])
			}
		}
		if !strings.HasSuffix(name, again.String()) {
			t.Fatalf("%q by %q gives %q", name, pattern, again.String())
		}
	})
}

func FuzzSidecar(f *testing.F) {
	f.Add([]byte(`{"caller":"1","started_at":1795325804}`))
	f.Add([]byte("file,caller\nx.wav,1\n\"\n"))
	f.Add([]byte("\ufefffile;caller"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if fa, err := readSidecarJSON(strings.NewReader(string(b))); err == nil {
			_, _ = fa.when("started", time.UTC)
		}
		readSidecarCSV(strings.NewReader(string(b)), nil, maxSidecarRows, func(fa facts) {
			for k := range fa {
				if !utf8.ValidString(fa.text(k)) {
					t.Fatal(k)
				}
			}
		}, func(int, error) {})
	})
}
