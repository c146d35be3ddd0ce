package showcase_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/demo"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/showcase"
)

// TestDemo is what a newcomer does, through the API: start, sign in, find the
// calls, drop one more, search a word that was said, stop, start again. In the
// end it looks through all that was left behind for what nobody may find there.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	args := []string{"demo", "--data", dir, "--listen", "127.0.0.1:0", "--json", "--log", "debug"}
	c := apptest.Start(t, args...)
	d := readDemo(t, c)

	for _, path := range []string{"/healthz", "/api/openapi.json", "/mailbox"} {
		if res, err := http.Get(d.URL + path); err != nil || res.StatusCode != 200 {
			t.Fatalf("GET %s: %v %v", path, res, err)
		}
	}
	all := map[string]*apptest.Browser{}
	for _, p := range d.People {
		all[p.Role] = apptest.NewBrowser(t, d.URL)
		all[p.Role].SignIn(p.Email, p.Password, all[p.Role].Mailbox)
	}
	super := all["superuser"]
	customer := super.Places()[0].ID

	if n := len(super.List(customer, "")); n != 12 {
		t.Fatalf("there are %d calls, want 12", n)
	}
	whoSees(t, all, customer)
	second(t, dir)
	dropped(t, super, customer, d.DropFolder)
	heard := searched(t, super, customer)
	c.Stop()

	again := apptest.Start(t, args...)
	e := readDemo(t, again)
	if !slices.Equal(d.People, e.People) {
		t.Error("the second start has other people")
	}
	b := apptest.NewBrowser(t, e.URL)
	b.SignIn(d.People[3].Email, d.People[3].Password, b.Mailbox)
	if n := len(b.List(customer, "")); n != 13 {
		t.Errorf("after the second start there are %d calls, want 13", n)
	}
	again.Stop()

	nothingLeftBehind(t, dir, []*apptest.Child{c, again}, d, heard)
}

// whoSees checks each role against the list.
func whoSees(t *testing.T, all map[string]*apptest.Browser, customer string) {
	t.Helper()
	for role, want := range map[string]int{"provider_admin": -1, "reseller_admin": -1, "customer_admin": 12, "user": 3} {
		if want < 0 {
			if got := all[role].Do("GET", "/api/v1/customers/"+customer+"/recordings", nil, nil); got != 404 {
				t.Errorf("a %s gets %d for a customer's list, want 404", role, got)
			}
		} else if n := len(all[role].List(customer, "")); n != want {
			t.Errorf("a %s sees %d calls, want %d", role, n, want)
		}
	}
	id := all["customer_admin"].List(customer, "")[0].ID
	if got := all["customer_admin"].Do("POST", "/api/v1/customers/"+customer+"/recordings/"+id+"/openings", map[string]string{"what": "listen"}, nil); got != 404 && got != 403 {
		t.Errorf("a customer's administrator may listen: %d", got)
	}
}

// second starts a server on the folder of one that runs.
func second(t *testing.T, dir string) {
	t.Helper()
	c := apptest.Start(t, "demo", "--data", dir, "--listen", "127.0.0.1:0")
	if code := c.Wait(); code != 1 || !strings.Contains(c.Log.String(), "another server") {
		t.Errorf("a second server on one folder: exit code %d\n%s", code, c.Log.String())
	}
}

// dropped drops a recording that is not there yet and waits for it as long as
// the portal promises.
func dropped(t *testing.T, b *apptest.Browser, customer, folder string) {
	t.Helper()
	sounds, err := demo.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	sound := slices.Clone(sounds[1].Sound[:20_058]) // a second of it
	for i, n := range []int{len(sound) - 8, len(sound) - 58} {
		at := []int{4, bytes.Index(sound, []byte("data")) + 4}[i]
		sound[at], sound[at+1], sound[at+2], sound[at+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	}
	if err := os.WriteFile(filepath.Join(folder, "from-the-desk.wav"), sound, 0o600); err != nil {
		t.Fatal(err)
	}
	apptest.Eventually(t, time.Minute, "a dropped file is listed", func() bool {
		return slices.ContainsFunc(b.List(customer, ""), func(r apptest.Listed) bool { return r.FileName == "from-the-desk.wav" })
	})
}

// searched waits for a transcript and searches a word that was said and heard.
func searched(t *testing.T, b *apptest.Browser, customer string) (heard string) {
	t.Helper()
	said := conversations(t)
	read := map[string]bool{}
	apptest.Eventually(t, 90*time.Second, "a word that was said is found", func() bool {
		for _, r := range b.List(customer, "state=done") {
			if read[r.ID] {
				continue
			}
			read[r.ID] = true
			text := transcript(b, customer, r.ID)
			heard += " " + text
			for _, w := range strings.Fields(text) {
				if len(w) > 4 && slices.Contains(strings.Fields(said[strings.TrimSuffix(r.FileName, ".wav")]), w) && finds(b, customer, w, r.ID) {
					return true
				}
			}
		}
		return false
	})
	if finds(b, customer, "rhinoceros", "") {
		t.Error("a word that nobody said is found")
	}
	return heard
}

// transcript is what was heard in a recording, after the receipt for it.
func transcript(b *apptest.Browser, customer, recording string) (all string) {
	b.Helper()
	var o struct {
		TranscriptURL string `json:"transcript_url"`
	}
	b.Must(201, "POST", "/api/v1/customers/"+customer+"/recordings/"+recording+"/openings", map[string]string{"what": "transcript"}, &o)
	var text struct{ Turns []struct{ Text string } }
	b.Must(200, "GET", o.TranscriptURL, nil, &text)
	for _, turn := range text.Turns {
		all += " " + apptest.Fold(turn.Text)
	}
	return all
}

// finds searches a word. A recording must be among what is found, or anything
// if it is "". Words that everybody says are refused: those are not found.
func finds(b *apptest.Browser, customer, word, recording string) bool {
	b.Helper()
	var page struct{ Items []apptest.Listed }
	switch got := b.Do("GET", "/api/v1/customers/"+customer+"/recordings?words="+word, nil, &page); got {
	case 200:
		return slices.ContainsFunc(page.Items, func(r apptest.Listed) bool { return recording == "" || r.ID == recording })
	case 422:
		return false
	default:
		b.Fatalf("a search for %q: %d %s", word, got, b.Answer)
		return false
	}
}

// conversations are the words of each, as they were given to the synthesiser.
func conversations(t *testing.T) map[string]string {
	b, err := os.ReadFile("../../../demo/conversations.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name  string
		Lines [][2]string
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, c := range all {
		for _, line := range c.Lines {
			said[c.Name] += " " + apptest.Fold(line[1])
		}
	}
	return said
}

// nothingLeftBehind looks for numbers, names, addresses and words in the log,
// in the temporary files and in the data, which a thief may have.
func nothingLeftBehind(t *testing.T, dir string, runs []*apptest.Child, d demoShown, heard string) {
	t.Helper()
	secrets := canaries(t, d, heard)
	look := func(where string, b []byte) {
		low := bytes.ToLower(b)
		for _, s := range secrets {
			if bytes.Contains(low, []byte(s)) {
				t.Errorf("%s holds %q", where, s)
			}
		}
	}
	for _, c := range runs {
		if !strings.Contains(c.Log.String(), "level=") {
			t.Error("nothing was logged: the test proves nothing")
		}
		look("the log", []byte(c.Log.String()))
		left, err := os.ReadDir(c.Temp)
		if err != nil || len(left) > 0 {
			t.Errorf("temporary files are left: %v %v", left, err)
		}
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && path == d.DropFolder {
			if err == nil {
				err = fs.SkipDir
			}
			return err
		}
		if !e.Type().IsRegular() || e.Name() == "people.json" {
			return nil
		}
		b, err := os.ReadFile(path)
		files++
		look(path, append([]byte(path+"\n"), b...))
		return err
	})
	if err != nil || files < 15 {
		t.Errorf("%d files looked at: %v", files, err)
	}
}

// canaries are what is personal in the demo, folded to lower case.
func canaries(t *testing.T, d demoShown, heard string) (all []string) {
	t.Helper()
	calls, err := demo.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, "from-the-desk", "nora vale", "lindqvist", "okafor", "@demo.example")
	for _, p := range d.People {
		all = append(all, p.Password)
	}
	for _, c := range calls {
		if len(c.Caller) > 5 {
			all = append(all, c.Caller, strings.TrimPrefix(c.Caller, "0"))
		}
		if c.CallerName != "" {
			all = append(all, strings.ToLower(c.CallerName))
		}
		all = append(all, strings.ToLower(c.AgentName), c.Name+".wav")
	}
	words := strings.Fields(heard)
	for i := 0; i+2 < len(words); i += 2 {
		all = append(all, strings.Join(words[i:i+3], " "))
	}
	// Long words, which no schema, log or model of ours uses.
	for _, text := range conversations(t) {
		for _, w := range strings.Fields(text) {
			if slices.Contains([]string{"disappointed", "fantastic", "brilliant", "wonderful", "annoyed", "insurance", "kitchen", "excellent", "terrible", "furniture"}, w) {
				all = append(all, w)
			}
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d canaries", len(all))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

type demoShown struct {
	URL        string
	DropFolder string `json:"drop_folder"`
	Mailbox    string
	People     []showcase.Person
}

// readDemo reads the one object that a script gets.
func readDemo(t testing.TB, c *apptest.Child) (d demoShown) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.Line()), &d); err != nil {
		t.Fatal(err)
	}
	if d.Mailbox != d.URL+"/mailbox" || len(d.People) != 5 || d.People[3].Role != "superuser" {
		t.Fatalf("%+v", d)
	}
	if info, err := os.Stat(d.DropFolder); err != nil || !info.IsDir() {
		t.Fatal(err)
	}
	return d
}
