package collect

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/id"
)

// removeFor is how long removing may keep the box from looking for new files: each
// portion means a walk through the whole folder. It goes on a minute later.
const removeFor = time.Minute

// remove asks what was destroyed in the archive, removes what this box has of it
// and may remove, and says so. A server that is away is asked again.
func (b *box) remove(ctx context.Context) {
	began := b.now()
	for more := true; more && ctx.Err() == nil && b.protocol() >= removalProtocol && (b.Once || b.now().Sub(began) < removeFor); {
		asked, err := b.up.removals(ctx)
		if err != nil || len(asked.Recordings) == 0 {
			return
		}
		said, err := b.fates(ctx, asked.Recordings)
		if err == nil && len(said) > 0 {
			err = b.sayRemoved(ctx, said)
		}
		if err != nil {
			if ctx.Err() == nil {
				b.report(Event{What: "waiting", Text: "what was destroyed in the archive could not be removed here yet: " + reasonOf(err)})
			}
			return
		}
		more = asked.More && len(said) == len(asked.Recordings) // else the same come again
	}
}

// removals believes only what the pinned key has signed for this box.
func (u *uplink) removals(ctx context.Context) (r Removals, err error) {
	var s Signed
	if _, err = u.call(ctx, http.MethodGet, removalsPath, nil, -1, &s); err != nil {
		return r, err
	}
	if err := openDocument(orderLabel, s, u.id.ServerKey, &r); err != nil {
		return Removals{}, err
	}
	if r.Version != removalVersion || r.Customer != u.id.Customer || r.Device != u.id.Device || len(r.Recordings) > removalsAtOnce {
		return Removals{}, errors.New("what is to be removed is not meant for this box")
	}
	return r, nil
}

// sayRemoved signs one answer for each recording.
func (b *box) sayRemoved(ctx context.Context, said map[id.Recording]Fate) error {
	var out removed
	for rec, fate := range said {
		s, err := signDocument(removalLabel, Removal{removalVersion, b.dev.Customer, b.dev.Device, rec, fate, b.now().UTC().Truncate(time.Second)},
			func(m []byte) ([]byte, error) { return ed25519.Sign(b.dev.key, m), nil })
		if err != nil {
			return err
		}
		out.Answers = append(out.Answers, s)
	}
	if err := b.up.post(ctx, removalsPath, out, nil); err != nil {
		return err
	}
	b.crash("removal told")
	return nil
}

// fates removes what may be removed and gives what became of each recording. One
// that is on its way to the server, or whose folder cannot be looked at now, is
// left out: it is asked for again. The answers are written down before they are
// given, so that a second asking after a crash hears the same word.
func (b *box) fates(ctx context.Context, recs []id.Recording) (map[id.Recording]Fate, error) {
	wanted := map[id.Recording]bool{}
	for _, r := range recs {
		wanted[r] = true
	}
	b.mu.Lock()
	for _, e := range b.taken {
		delete(wanted, e.manifest.Recording) // its spool file goes with the server's answer to it
	}
	b.mu.Unlock()
	known, err := b.ledger.find(wanted)
	if err != nil {
		return nil, err
	}
	said, fresh := map[id.Recording]Fate{}, map[id.Recording]Fate{}
	marks := map[mark16]bool{}
	for rec := range wanted {
		k := known[rec]
		switch {
		case k.said != "":
			said[rec] = k.said
		case len(k.sources) == 0:
			said[rec] = FateForgotten
		default:
			for s := range k.sources {
				marks[s.Path] = true
			}
		}
	}
	if len(marks) > 0 {
		v, err := b.view(ctx, marks)
		if err != nil {
			return nil, err
		}
		for rec := range wanted {
			if said[rec] != "" {
				continue
			}
			if ctx.Err() != nil {
				break // what was removed until here is written down
			}
			if fate, ok := b.end(v, rec, known[rec].sources); ok {
				fresh[rec] = fate
			}
		}
	}
	b.crash("removed")
	if len(fresh) > 0 {
		if err := b.ledger.answered(fresh); err != nil {
			return nil, err
		}
	}
	b.crash("removal noted")
	for rec, fate := range fresh {
		said[rec] = fate
		b.report(Event{What: "destroyed", Recording: rec.String(), Text: string(fate)})
	}
	return said, ctx.Err()
}

// view is where the files of some marks lie.
type view struct {
	at    map[mark16][]string
	own   map[mark16][]string // in the folder to which the box moves
	blind bool                // some folder could not be read
	empty bool                // there is nothing at all: perhaps a share that is not connected
	// glance compares files that stay anyway by size and time alone: of a million
	// nobody waits until all were read.
	glance bool
}

func (b *box) view(ctx context.Context, marks map[mark16]bool) (view, error) {
	v := view{at: map[mark16][]string{}, own: map[mark16][]string{}, empty: true}
	err := fs.WalkDir(b.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && name == ".":
			return err
		case err != nil:
			v.blind = true
		case d.Type().IsRegular():
			v.empty = false
			rest, own := strings.CutPrefix(name, doneFolder+"/")
			if m := b.dev.pathMark(rest); marks[m] && own {
				v.own[m] = append(v.own[m], name)
			} else if marks[m] {
				v.at[m] = append(v.at[m], name)
			}
			// A second file of the same name was moved to name.1.
			if i := strings.LastIndexByte(rest, '.'); own && i > 0 {
				if m := b.dev.pathMark(rest[:i]); marks[m] {
					v.own[m] = append(v.own[m], name)
				}
			}
		}
		return nil
	})
	return v, err
}

// end removes the files of a recording where it may; false if it cannot be said
// now: in an empty folder only what the box itself deletes is known to have gone.
// A file that was written to since is another one, and is never touched.
func (b *box) end(v view, rec id.Recording, sources map[source]bool) (Fate, bool) {
	going, ok := b.going(v, sources)
	if !ok || len(going) > 0 && b.ledger.had(rec, going, true) != nil {
		return "", false
	}
	return b.endFiles(v, sources), true
}

// going are the files that may be removed, to be written down before: a box that
// dies between the last file of the folder and its answer finds an empty one.
func (b *box) going(v view, sources map[source]bool) (going []source, ok bool) {
	for s, deletes := range sources {
		if v.empty && !deletes {
			return nil, false
		}
		if !v.empty && (b.after() == Delete || len(v.own[s.Path]) > 0) {
			going = append(going, s)
		}
	}
	return going, true
}

func (b *box) endFiles(v view, sources map[source]bool) Fate {
	after := b.after()
	versions := map[mark16][]source{}
	for s := range sources {
		versions[s.Path] = append(versions[s.Path], s)
	}
	var all []Fate
	for mark, of := range versions {
		fate := FateAbsent
		if v.blind {
			fate = FateStuck
		}
		for _, name := range v.own[mark] {
			if f := b.endFile(name, of, true); f != FateAltered { // a file of another recording that had the same name
				fate = worst(fate, f)
			}
		}
		for _, name := range v.at[mark] {
			if after != Delete && v.glance && b.looksLike(name, of) {
				fate = worst(fate, FateKept)
				continue
			}
			fate = worst(fate, b.endFile(name, of, after == Delete))
		}
		all = append(all, fate)
	}
	return worst(all...)
}

// looksLike reports whether a file has the size and the time of one of some versions.
func (b *box) looksLike(name string, versions []source) bool {
	info, err := b.root.Stat(filepath.FromSlash(name))
	return err == nil && slices.ContainsFunc(versions, func(s source) bool { return s.Size == info.Size() && s.ModTime == info.ModTime().UnixNano() })
}

// endFile removes a file if it still is one of some versions.
func (b *box) endFile(name string, versions []source, may bool) Fate {
	for _, s := range versions {
		same, err := b.unchanged(name, s)
		switch {
		case err != nil:
			return FateStuck
		case !same:
			continue
		case !may:
			return FateKept
		}
		file := filepath.FromSlash(name)
		if err := b.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return FateStuck
		}
		if err := b.syncFolder(filepath.Dir(file)); err != nil {
			return FateStuck
		}
		return FateRemoved
	}
	if _, err := b.root.Lstat(filepath.FromSlash(name)); errors.Is(err, fs.ErrNotExist) {
		return FateAbsent
	}
	return FateAltered
}
