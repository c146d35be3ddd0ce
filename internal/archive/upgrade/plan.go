package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/release"
)

// Plan is what runs on a box and what is being tried, in upgrade.json of its
// state folder. It is exchanged as a whole, by a rename.
type Plan struct {
	Active Offer     `json:"active"` // what runs; no release: the program that the system starts
	Trial  Offer     `json:"trial"`  // what is to prove itself; no release: nothing
	Tries  int       `json:"tries,omitempty"`
	Over   string    `json:"over,omitempty"`   // the launcher's own release when the trial began: a package that came later wins
	Failed []Failure `json:"failed,omitempty"` // newest last
}

// Failure is a release that was rolled back.
type Failure struct {
	Release string    `json:"release"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
}

// Why a release was rolled back.
const (
	Crashed = "it ended before it had reported back"
	Silent  = "it did not report back in time"
	Altered = "its file is not what was signed"
	Unable  = "it could not be started"
)

const (
	planFile  = "upgrade.json"
	binFolder = "bin"
	maxFailed = 10
	// maxTries is how often a trial is begun: once, and once more if the machine
	// itself went down in the middle.
	maxTries = 2
)

// Folder is where releases lie on a box, with their plan beside them.
type Folder struct{ State string }

func (f Folder) bin() string            { return filepath.Join(f.State, binFolder) }
func (f Folder) program(o Offer) string { return filepath.Join(f.bin(), FileName(o)) }
func (f Folder) planPath() string       { return filepath.Join(f.State, planFile) }

// unfinished keeps the ending: Windows starts nothing without it.
func (f Folder) unfinished(o Offer) string { return filepath.Join(f.bin(), "new-"+FileName(o)) }

// Plan reads the plan. A damaged one counts as none: then the program that the
// system starts runs, which is what rolling back means in the end.
func (f Folder) Plan() (p Plan, err error) {
	b, err := os.ReadFile(f.planPath())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	return readPlan(b), nil
}

// readPlan never fails: what does not hold together is left out.
func readPlan(b []byte) (p Plan) {
	if len(b) > 1<<20 || json.Unmarshal(b, &p) != nil {
		return Plan{}
	}
	for _, o := range []*Offer{&p.Active, &p.Trial} {
		if o.Check() != nil {
			*o = Offer{}
		}
	}
	p.Tries = max(p.Tries, 0)
	if len(p.Failed) > maxFailed {
		p.Failed = p.Failed[len(p.Failed)-maxFailed:]
	}
	return p
}

// save exchanges the plan, durably.
func (f Folder) save(p Plan) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return durably(f.planPath(), append(b, '\n'))
}

func durably(path string, b []byte) error {
	t, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	if _, err = t.Write(b); err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	return disk.Replace(t.Name(), path)
}

// Begin puts a release that stands in bin on trial.
func (f Folder) Begin(o Offer) error {
	p, err := f.Plan()
	if err != nil {
		return err
	}
	p.Trial, p.Tries = o, 0
	return f.save(p)
}

// Kept makes what is on trial what runs, and removes what neither runs nor is
// the one before.
func (f Folder) Kept() error {
	p, err := f.Plan()
	if err != nil || p.Trial.Release == "" {
		return err
	}
	before := p.Active
	p.Active, p.Trial, p.Tries = p.Trial, Offer{}, 0
	p.Failed = slices.DeleteFunc(p.Failed, func(x Failure) bool { return x.Release == p.Active.Release })
	if err := f.save(p); err != nil {
		return err
	}
	f.tidy(p.Active, before)
	return nil
}

// RollBack gives up what is on trial.
func (f Folder) RollBack(at time.Time, reason string) error {
	p, err := f.Plan()
	if err != nil || p.Trial.Release == "" {
		return err
	}
	p.Failed = append(p.Failed, Failure{p.Trial.Release, at.UTC().Truncate(time.Second), reason})
	if len(p.Failed) > maxFailed {
		p.Failed = p.Failed[1:]
	}
	p.Trial, p.Tries = Offer{}, 0
	if err := f.save(p); err != nil {
		return err
	}
	f.tidy(p.Active)
	return nil
}

// dismiss drops what runs in favour of the program that the system starts.
func (f Folder) dismiss(p Plan, at time.Time, reason string) error {
	p.Failed = append(p.Failed, Failure{p.Active.Release, at.UTC().Truncate(time.Second), reason})
	p.Active = Offer{}
	return f.save(p)
}

// tidy removes all files but those of some releases. What cannot be removed
// (on Windows a program that still runs) is removed the next time.
func (f Folder) tidy(keep ...Offer) {
	entries, err := os.ReadDir(f.bin())
	if err != nil {
		return
	}
	for _, e := range entries {
		if !slices.ContainsFunc(keep, func(o Offer) bool { return o.Release != "" && e.Name() == FileName(o) }) {
			os.Remove(filepath.Join(f.bin(), e.Name()))
		}
	}
}

// Choice is what a launcher runs.
type Choice struct {
	Program string // path
	Release string
	Trial   bool // it has to report back
}

// Choose decides what to run now. It counts a trial before it is begun, so that
// a machine that goes down each time does not try for ever; and it reads each
// program once more against its signature, for the folder belongs to the
// service and what lies in it may have been changed.
func (f Folder) Choose(self string, own release.Version, keys Keys, at time.Time) (Choice, error) {
	p, err := f.Plan()
	if err != nil {
		return Choice{}, err
	}
	if p.Trial.Release != "" {
		if p.Tries >= maxTries {
			if err := f.RollBack(at, Crashed); err != nil {
				return Choice{}, err
			}
			return f.Choose(self, own, keys, at)
		}
		if err := f.intact(p.Trial, keys); err != nil {
			if err := f.RollBack(at, Altered); err != nil {
				return Choice{}, err
			}
			return f.Choose(self, own, keys, at)
		}
		p.Tries++
		p.Over = own.String()
		if err := f.save(p); err != nil {
			return Choice{}, err
		}
		return Choice{f.program(p.Trial), p.Trial.Release, true}, nil
	}
	if p.Active.Release != "" {
		active, err := release.Parse(p.Active.Release)
		switch {
		case err != nil || active.Compare(own) <= 0 && p.Over != own.String():
			// The package was upgraded past it.
		case f.intact(p.Active, keys) != nil:
			if err := f.dismiss(p, at, Altered); err != nil {
				return Choice{}, err
			}
		default:
			return Choice{f.program(p.Active), p.Active.Release, false}, nil
		}
	}
	return Choice{self, own.String(), false}, nil
}

func (f Folder) intact(o Offer, keys Keys) error {
	file, err := os.Open(f.program(o))
	if err != nil {
		return err
	}
	defer file.Close()
	return Verify(file, o, keys)
}

// Had reports whether a release was rolled back here after a moment.
func (p Plan) Had(number string, after time.Time) bool {
	return slices.ContainsFunc(p.Failed, func(x Failure) bool { return x.Release == number && x.At.After(after) })
}

// LastFailure is the newest one, if there is any.
func (p Plan) LastFailure() (Failure, bool) {
	if len(p.Failed) == 0 {
		return Failure{}, false
	}
	return p.Failed[len(p.Failed)-1], true
}

// String is the plan for a person.
func (p Plan) String() string {
	var parts []string
	if p.Active.Release != "" {
		parts = append(parts, p.Active.Release+" runs")
	}
	if p.Trial.Release != "" {
		parts = append(parts, p.Trial.Release+" is on trial")
	}
	if l, ok := p.LastFailure(); ok {
		parts = append(parts, fmt.Sprintf("%s was rolled back at %s: %s", l.Release, l.At.Format(time.RFC3339), l.Reason))
	}
	return strings.Join(parts, "; ")
}
