package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// scanner turns what the profile finds into recordings to seal.
type scanner struct {
	b       *box
	conf    Config // that the profile was made for
	profile capture.Profile
	todo    map[string]recording.Item // by key: found whole, not in the spool yet
	callOf  map[string]string         // of each key in todo
	partial map[string]string         // files still being written → call
	ended   map[string]bool           // calls that have ended and are not Done
	calls   map[string]coverage.Call  // what is expected of them
	gaps    []coverage.Gap            // of the logs, not told yet
	unnamed capture.Unnamed           // as of the last look
	more    bool                      // the logs were not read to their end
	locked  map[string]time.Time      // of those in todo that another program keeps to itself: since when
}

const stateFile = "profile.state"

func newScanner(b *box) *scanner {
	return &scanner{b: b, todo: map[string]recording.Item{}, callOf: map[string]string{}, partial: map[string]string{}, ended: map[string]bool{}, calls: map[string]coverage.Call{}, locked: map[string]time.Time{}}
}

// open makes the profile anew where the settings of the source have changed.
func (s *scanner) open() error {
	conf, again := s.b.config(), s.b.again.Swap(false)
	if s.profile != nil && !again && reflect.DeepEqual(conf, s.conf) {
		return nil
	}
	o, err := s.b.captureOptions(conf)
	if err != nil {
		return err
	}
	if s.profile, err = s.b.Options.profile(o); err != nil {
		return err
	}
	s.conf = conf
	state := s.b.loadState()
	if again || state == nil {
		return nil
	}
	if err := s.profile.Restore(state); err != nil {
		s.b.report(Event{What: "waiting", Text: err.Error()})
	}
	return nil
}

// captureOptions joins what the server says of the source with what the
// command line says.
func (b *box) captureOptions(conf Config) (capture.Options, error) {
	o := capture.Options{Profile: conf.Profile, Folder: b.From, Logs: b.Logs, Country: conf.Country, Pattern: conf.Pattern, Known: b.known, Once: b.Once}
	if b.Options.Profile != "" {
		o.Profile = b.Options.Profile
	}
	var err error
	if o.Zone, err = time.LoadLocation(conf.TimeZone); err != nil {
		return o, fmt.Errorf("this box does not know the time zone %q of its source; install tzdata or choose another in the portal", conf.TimeZone)
	}
	if len(conf.Raw) > 0 {
		var raw Raw
		if err := json.Unmarshal(conf.Raw, &raw); err != nil {
			return o, fmt.Errorf("the format of files without a header: %w", err)
		}
		o.Sound = sound.Hint{Codec: sound.Codec(raw.Codec), Rate: raw.Rate, Channels: raw.Channels, Layout: sound.Layout(raw.Layout)}
	}
	return o, nil
}

// look polls the profile once and adds what is whole to todo.
func (s *scanner) look(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	batch, err := s.profile.Poll(ctx, s.b.now())
	if err != nil {
		return err
	}
	for _, p := range batch.Problems {
		name := capture.Shown(p.Path)
		if p.Line > 0 {
			name = fmt.Sprintf("%s:%d", name, p.Line)
		}
		s.b.needs(name, p.Path, p.Reason, p.Advice, 0)
	}
	s.unnamed, s.more = batch.Unnamed, batch.More
	s.expected(batch)
	for _, c := range batch.Calls {
		for _, f := range c.Files {
			if f.State == capture.Partial {
				s.partial[f.Path] = c.ID
			} else {
				delete(s.partial, f.Path)
			}
			if f.State == capture.Unreadable {
				s.b.needs(capture.Shown(f.Path), f.Path, f.Reason, "", f.Size)
			}
			if p, is := capture.Nothing(f); is {
				s.b.needs(capture.Shown(p.Path), p.Path, p.Reason, p.Advice, 0)
			}
		}
		ready, _ := capture.Items(c)
		for _, item := range ready {
			s.todo[item.Key] = s.b.openable(item)
			s.callOf[item.Key] = c.ID
		}
		if c.Ended || c.Cut {
			s.ended[c.ID] = true
		}
	}
	return nil
}

// openable lets the files of an item be opened, within the source's folder only.
func (b *box) openable(item recording.Item) recording.Item {
	item.Source = b.config().Source
	for i := range item.Files {
		name := filepath.FromSlash(item.Files[i].Path)
		item.Files[i].Open = func() (io.ReadCloser, error) { return b.root.Open(name) }
	}
	return item
}

// sealBatch is how many recordings share one sync of the spool's folder.
const sealBatch = 32

// seal puts what was found into the spool, oldest first. It stops when the
// spool is full; one file that fails does not stop the others.
func (s *scanner) seal(ctx context.Context) error {
	keys := make([]string, 0, len(s.todo))
	for k := range s.todo {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int { return s.todo[x].Call.StartedAt.Compare(s.todo[y].Call.StartedAt) })
	for some := range slices.Chunk(keys, sealBatch) {
		sealed, err := s.sealSome(ctx, some)
		if len(sealed) > 0 {
			err = errors.Join(err, s.b.spool.sync())
		}
		s.b.crash("spooled")
		for _, e := range sealed {
			if err := s.b.enqueue(ctx, e); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) sealSome(ctx context.Context, keys []string) (sealed []*entry, err error) {
	for _, k := range keys {
		item := s.todo[k]
		if s.b.allKnown(item) {
			s.drop(k)
			continue
		}
		e, err := s.b.sealInto(ctx, s.conf, item)
		shown := capture.Shown(item.Files[0].Path)
		switch {
		case ctx.Err() != nil:
			return sealed, ctx.Err()
		case errors.Is(err, errSpoolFull):
			return sealed, err
		case disk.Busy(err):
			s.waits(item)
			continue
		case errors.Is(err, errChanging), errors.Is(err, fs.ErrNotExist):
			s.drop(k) // found again when it is whole
			continue
		case err != nil:
			s.b.needs(shown, item.Files[0].Path, reasonOf(err), adviceFor(err), item.Files[0].Size)
			continue
		}
		s.b.well(shown)
		s.drop(k)
		s.b.accept(e, item.Files)
		s.b.report(Event{What: "sealed", File: shown, Upload: e.Upload.String(), Bytes: e.manifest.size()})
		sealed = append(sealed, e)
	}
	return sealed, nil
}

// lockedFor is how long another program may keep a file that was found whole to
// itself, before that needs attention: a virus scanner takes seconds.
const lockedFor = 10 * time.Minute

// waits leaves a file that another program keeps to itself for the next look.
func (s *scanner) waits(item recording.Item) {
	now := s.b.now()
	since, known := s.locked[item.Key]
	if !known {
		s.locked[item.Key] = now
		return
	}
	if now.Sub(since) >= lockedFor {
		f := item.Files[0]
		s.b.needs(capture.Shown(f.Path), f.Path, "another program keeps the file to itself", "end what holds it open; it is tried again at each look", f.Size)
	}
}

func (s *scanner) drop(key string) {
	delete(s.locked, key)

	delete(s.todo, key)
	delete(s.callOf, key)
}

// settled tells the profile which calls it may forget, and keeps its state.
func (s *scanner) settled() error {
	busy := map[string]bool{}
	for _, c := range s.callOf {
		busy[c] = true
	}
	for _, c := range s.partial {
		busy[c] = true
	}
	var over []string
	for c := range s.ended {
		if !busy[c] {
			over = append(over, c)
		}
	}
	if len(over) == 0 {
		return nil
	}
	if err := s.keepExpected(over); err != nil {
		return err
	}
	s.profile.Done(over...)
	for _, c := range over {
		delete(s.ended, c)
	}
	state, err := s.profile.State()
	if err != nil {
		return err
	}
	return s.b.saveState(state)
}

// allKnown reports whether every file of an item was dealt with or is in the
// spool: a profile may give a call again for another reason.
func (b *box) allKnown(item recording.Item) bool {
	for _, f := range item.Files {
		if !b.known(f.Path, f.Size) {
			return false
		}
	}
	return true
}

// The profile's state can hold lines of logs. It is closed under the box's own
// key, which keeps it out of backups and careless eyes, not from a thief of the
// whole box; the logs themselves lie beside it.
func (b *box) stateKey() secret.Key {
	k, err := secret.KeyFrom(b.dev.mark)
	if err != nil {
		panic(err) // not reached: ownBytes gives 32
	}
	return k
}

func (b *box) saveState(state []byte) error {
	return writeDurably(filepath.Join(b.dev.dir, stateFile), sealed.Field(b.stateKey(), []byte(stateFile), state))
}

// loadState gives nothing where there is none or it is damaged: the logs are
// then read from their start, and what was captured is known by its marks.
func (b *box) loadState() []byte {
	c, err := os.ReadFile(filepath.Join(b.dev.dir, stateFile))
	if err != nil {
		return nil
	}
	plain, err := sealed.OpenField(b.stateKey(), []byte(stateFile), c)
	if err != nil {
		return nil
	}
	return plain
}
