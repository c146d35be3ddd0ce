package bulk

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// Bounds of what is archived in one go: between two, live capture, a pause and the quota have their say.
const (
	batchItems = 100
	batchBytes = 64 << 20
)

// run takes in some more files; false when every file has an outcome.
func (s *Service) run(ctx context.Context, p *place.Place, r row, src source) (bool, int, error) {
	var files []file
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		files, err = s.pending(tx, r.ID, "outcome")
		return err
	}); err != nil || len(files) == 0 {
		return false, 0, err
	}
	if len(files) > 2*batchItems { // of the last group, all or none
		at := 2 * batchItems
		for at < len(files) && files[at].part == files[at-1].part {
			at++
		}
		files = files[:at]
	}
	s.o.Step("run")
	there, found, err := src.standing(files)
	if err != nil {
		return true, 0, err
	}
	var want []file
	for _, f := range there {
		if f.verdict == Unreadable {
			found = append(found, finding{n: f.n, what: Unreadable, reason: f.reason})
		} else {
			want = append(want, f)
		}
	}
	more, err := s.take(ctx, p, r, src, want)
	if err != nil {
		return true, 0, err
	}
	found = append(found, more...)
	s.o.Step("taken")
	return true, len(found), s.write(ctx, p, r.ID, "outcome", found)
}

// take archives files. What a run that was killed had archived already is found by its key and counts as archived.
func (s *Service) take(ctx context.Context, p *place.Place, r row, src source, files []file) ([]finding, error) {
	if len(files) == 0 {
		return nil, nil
	}
	batch, err := s.read(ctx, src, files)
	if err != nil {
		return nil, err
	}
	keep, err := s.o.Recordings.Retention(ctx, p)
	if err != nil {
		return nil, err
	}
	ends := map[string]finding{}
	var items []recording.Item
	for _, c := range batch.Calls {
		for _, f := range c.Files {
			switch f.State {
			case capture.Empty, capture.Unreadable:
				ends[f.Path] = finding{what: Unreadable, reason: f.Reason}
			case capture.Partial:
				ends[f.Path] = finding{what: Changed, reason: f.Reason}
			}
		}
		if s.expired(c, keep) {
			for _, f := range c.Files {
				if _, ok := ends[f.Path]; !ok {
					ends[f.Path] = finding{what: Expired, reason: "the call is older than recordings are kept"}
				}
			}
			continue
		}
		ready, _ := capture.Items(c)
		for _, it := range ready {
			it.Source, it.Unheard = r.Source, !src.draft.Transcribe
			for j := range it.Files {
				it.Files[j].Open = opener(src.files, it.Files[j].Path)
			}
			items = append(items, it)
		}
	}
	if err := s.archive(ctx, p, items, ends); err != nil {
		return nil, err
	}
	var out []finding
	for _, f := range files {
		one, ok := ends[f.path]
		if !ok {
			one = finding{what: Unreadable, reason: "the profile makes nothing of this file"}
		}
		one.n = f.n
		out = append(out, one)
	}
	return out, nil
}

func opener(files fs.FS, path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, err := files.Open(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the file cannot be opened: let the server read it")
		}
		return f, nil
	}
}

// archive takes the items in, in batches, and says what became of their files.
func (s *Service) archive(ctx context.Context, p *place.Place, items []recording.Item, ends map[string]finding) error {
	items, err := s.untaken(ctx, p, items, ends)
	if err != nil {
		return err
	}
	for len(items) > 0 {
		n, bytes := 0, int64(0)
		for n < len(items) && n < batchItems && (n == 0 || bytes < batchBytes) {
			for _, f := range items[n].Files {
				bytes += f.Size
			}
			n++
		}
		if err := s.yield(ctx, p, items[0]); err != nil {
			return err
		}
		s.o.Step("archive")
		out, err := s.o.Recordings.ArchiveBatch(ctx, p, actor.ForSystem("import"), items[:n])
		if err != nil {
			return err
		}
		for i, o := range out {
			end := became(o)
			for _, f := range items[i].Files {
				ends[f.Path] = end
			}
		}
		items = items[n:]
	}
	return nil
}

// untaken leaves out what is archived under this import's own keys.
func (s *Service) untaken(ctx context.Context, p *place.Place, items []recording.Item, ends map[string]finding) (left []recording.Item, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		for _, it := range items {
			taken, err := s.o.Recordings.Taken(tx, it.Source, it.Key)
			if err != nil {
				return err
			}
			if !taken {
				left = append(left, it)
				continue
			}
			for _, f := range it.Files {
				ends[f.Path] = finding{what: Archived}
			}
		}
		return nil
	})
	return left, err
}

func became(o recording.Outcome) finding {
	switch o.Result {
	case recording.Stored, recording.Verified:
		return finding{what: Archived}
	case recording.Duplicate:
		return finding{what: Duplicate, reason: "this recording is archived already"}
	case recording.Erased:
		return finding{what: Duplicate, reason: "this recording was destroyed in the archive; it is not taken in again"}
	}
	if errors.Is(o.Err, recording.ErrChanged) {
		return finding{what: Changed, reason: "the file is not what was listed: it may still be written"}
	}
	return finding{what: Unreadable, reason: fault.Of(o.Err).Text}
}
