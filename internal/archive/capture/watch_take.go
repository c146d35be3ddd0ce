package capture

import (
	"context"
	"errors"
	"sync"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// load is some items that are archived together.
type load struct {
	items []recording.Item
	calls []int // of which call each is
	bytes int64
	out   []recording.Outcome
	err   error
}

// take archives what is whole of the calls, amends calls that are archived, and
// remembers how far reading has come.
func (w *watch) take(ctx context.Context, calls []Call) error {
	if len(calls) == 0 {
		w.count(0)
		return nil
	}
	loads, waiting := w.loads(calls)
	w.count(waiting)
	if err := w.report(ctx, nothings(calls)); err != nil {
		return err
	}
	open := map[int]bool{}  // calls that must be given again
	taken := map[int]bool{} // calls that were archived with all that is known of them
	recs := map[int]id.Recording{}
	w.archive(ctx, loads)
	var errs []error
	for _, l := range loads {
		if l.err != nil {
			errs = append(errs, l.err)
			for _, c := range l.calls {
				open[c] = true
			}
			continue
		}
		for i, o := range l.out {
			if !o.Recording.IsZero() {
				recs[l.calls[i]] = o.Recording
			}
			taken[l.calls[i]] = taken[l.calls[i]] || o.Result == recording.Verified || o.Result == recording.Stored
			if err := w.became(ctx, l.items[i], o); err != nil {
				errs = append(errs, err)
				open[l.calls[i]] = true
			} else if fault.Is(o.Err, fault.Conflict) && o.Result == recording.Refused {
				open[l.calls[i]] = true
			}
		}
	}
	w.again = w.again[:0:0]
	var done []string
	for i, c := range calls {
		if open[i] {
			w.again = append(w.again, c)
			continue
		}
		ready, partial := Items(c)
		if !taken[i] && len(ready)+partial == 0 {
			if err := w.s.opt.Recordings.Amend(ctx, w.p, w.who, w.src.ID, Joined(c)); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if partial == 0 && (c.Ended || c.Cut) {
			done = append(done, c.ID)
			w.tell(c, recs[i])
		}
	}
	w.profile.Done(done...)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return w.keepState(ctx)
}

// nothings are the files of calls that hold nothing at all.
func nothings(calls []Call) (all []Problem) {
	for _, c := range calls {
		for _, f := range c.Files {
			if p, is := Nothing(f); is {
				all = append(all, p)
			}
		}
	}
	return all
}

// keepState remembers where reading goes on, after what came before is archived.
func (w *watch) keepState(ctx context.Context) error {
	state, err := w.profile.State()
	if err != nil {
		return err
	}
	err = w.s.opt.Recordings.KeepReadingState(ctx, w.p, w.src.ID, state, w.expect)
	if err == nil {
		w.told = coverage.Report{}
	}
	return err
}

func (w *watch) count(waiting int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.LookedAt = w.s.opt.Now()
	if waiting > 0 || len(w.again) == 0 {
		w.now.Waiting = waiting + len(w.again)
	}
}

// loads divides what is whole into batches.
func (w *watch) loads(calls []Call) (loads []*load, waiting int) {
	l := &load{}
	for i, c := range calls {
		items, partial := Items(c)
		waiting += partial
		for _, it := range items {
			it.Source, it.Leaving = w.src.ID, w.leaves()
			for j := range it.Files {
				it.Files[j].Open = w.opener(it.Files[j].Path)
				l.bytes += it.Files[j].Size
			}
			l.items, l.calls = append(l.items, it), append(l.calls, i)
			if len(l.items) == batchItems || l.bytes >= batchBytes {
				loads = append(loads, l)
				l = &load{}
			}
		}
	}
	if len(l.items) > 0 {
		loads = append(loads, l)
	}
	return loads, waiting
}

// archive runs the batches. After a fault no further one is begun.
func (w *watch) archive(ctx context.Context, loads []*load) {
	w.s.archiving.Add(int64(len(loads)))
	defer w.s.archiving.Add(-int64(len(loads)))
	var mu sync.Mutex
	var failed error
	queue := make(chan *load)
	var running sync.WaitGroup
	for range min(workers, len(loads)) {
		running.Go(func() {
			for l := range queue {
				mu.Lock()
				l.err = failed
				mu.Unlock()
				if l.err == nil {
					l.out, l.err = w.s.opt.Recordings.ArchiveBatch(ctx, w.p, w.who, l.items)
				}
				if l.err != nil {
					mu.Lock()
					failed = l.err
					mu.Unlock()
				}
			}
		})
	}
	for _, l := range loads {
		queue <- l
	}
	close(queue)
	running.Wait()
}

// became notes what became of one item.
func (w *watch) became(ctx context.Context, it recording.Item, o recording.Outcome) error {
	switch o.Result {
	case recording.Refused:
		return w.refused(ctx, it, o.Err)
	case recording.Erased:
		w.destroyed += len(it.Files)
	}
	state := "captured"
	if o.Result == recording.Erased {
		state = "erased"
	}
	for _, f := range it.Files {
		w.settle(f.Path, f.Size, recording.FileState{State: state, Size: f.Size, ModTime: f.ModTime})
	}
	return nil
}

// refused lists the files of an item that could not be taken in. One that is
// changing is looked at again.
func (w *watch) refused(ctx context.Context, it recording.Item, why error) error {
	if errors.Is(why, recording.ErrChanged) {
		return nil
	}
	f := fault.Of(why)
	todo := "listen to it elsewhere or remove it from the folder, then try again"
	if f.Kind == fault.Conflict {
		todo = "compare it with the archived recording; remove it from the folder if that one is right"
	}
	var all []recording.Report
	for _, file := range it.Files {
		all = append(all, recording.Report{Source: w.src.ID, Path: file.Path, Size: file.Size, ModTime: file.ModTime, Reason: f.Text, Todo: todo})
	}
	return w.s.opt.Recordings.Report(ctx, w.p, w.who, all...)
}
