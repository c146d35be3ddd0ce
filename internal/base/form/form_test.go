package form_test

import (
	"strings"
	"testing"

	"ringfence/internal/base/form"
)

type thing struct {
	Name  string   `yaml:"name"`
	Count int      `yaml:"count"`
	On    bool     `yaml:"on"`
	Words []string `yaml:"words"`
	Most  *int64   `yaml:"most"`
	Inner *inner   `yaml:"inner"`
	List  []inner  `yaml:"list"`
}

type inner struct {
	Text string `yaml:"text"`
}

func TestRead(t *testing.T) {
	got := thing{Name: "kept", Count: 7}
	p, err := form.Read([]byte("count:\non: true\nwords: [a, b]\nmost: 5\ninner: {text: 12}\nlist:\n- text: x\n- {}\n"), &got)
	if err != nil || len(p) > 0 {
		t.Fatal(p, err)
	}
	if got.Name != "kept" || got.Count != 7 || !got.On || len(got.Words) != 2 || *got.Most != 5 || got.Inner.Text != "12" || got.List[0].Text != "x" {
		t.Errorf("%+v", got)
	}
	if p, err := form.Read(nil, &got); err != nil || p != nil {
		t.Errorf("nothing at all: %v, %v", p, err)
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	text := "name: [a]\ncount: x\non: perhaps\nwords: a\nlost: 1\ninner: 3\nlist:\n- {text: a, text: b}\n- {nope: 1}\nmost: 1.5\n"
	var got thing
	p, err := form.Read([]byte(text), &got)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, d := range p {
		paths = append(paths, d.Path)
	}
	if want := "name count on words lost inner list[0].text list[1].nope most"; strings.Join(paths, " ") != want {
		t.Errorf("faults at %v, want %s", paths, want)
	}
}

func TestWhatIsNoForm(t *testing.T) {
	for _, bad := range []string{"a: &x 1\nname: *x", "name: &x [*x]", "name: a\n---\nname: b", "- a", "x"} {
		var got thing
		if p, err := form.Read([]byte(bad), &got); err == nil && len(p) == 0 {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := form.Read([]byte("a: [\x00"), new(thing)); err == nil {
		t.Error("what is no YAML was taken")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"name: a", "list: [{text: a}]", "a: &a [*a]", "most: 1e9", "? [a]\n: b", "<<: *x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got thing
		_, _ = form.Read([]byte(text), &got) // must neither panic nor run on
	})
}
