package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// How often the box asks for its settings and says how it stands.
const (
	configEvery   = 5 * time.Minute
	holdEvery     = 30 * time.Second
	standingEvery = time.Minute
	changeEvery   = 5 * time.Second // where files that need attention have changed
)

// run is the service loop: one goroutine looks and seals, some upload.
func (b *box) run(asked context.Context, entries []*entry) error {
	ctx, stop := context.WithCancelCause(asked)
	defer stop(nil)
	var workers sync.WaitGroup
	for range b.Uploads {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-b.queue:
					if err := b.bring(ctx, e); err != nil {
						stop(err)
					}
					b.pending.Done()
				}
			}
		})
	}
	defer workers.Wait()
	defer stop(nil)
	err := b.feed(ctx, entries)
	if err == nil {
		err = b.loop(ctx)
	}
	if asked.Err() != nil {
		return nil // told to stop; what is in the spool goes on next time
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed hands over what the last run left.
func (b *box) feed(ctx context.Context, entries []*entry) error {
	b.pending.Add(len(entries))
	go func() {
		for _, e := range entries {
			if b.push(ctx, e) != nil {
				return
			}
		}
	}()
	return ctx.Err()
}

func (b *box) enqueue(ctx context.Context, e *entry) error {
	b.pending.Add(1)
	return b.push(ctx, e)
}

func (b *box) push(ctx context.Context, e *entry) error {
	select {
	case b.queue <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop looks at the folder until it is told to stop.
func (b *box) loop(ctx context.Context) error {
	s := newScanner(b)
	began, asked, told, written := b.now(), b.now(), time.Time{}, time.Time{}
	for {
		if b.now().Sub(written) >= statusEvery {
			written = b.now()
			b.writeStatus(s)
		}
		if err := b.consider(ctx); err != nil {
			return err
		}
		every := configEvery
		if b.config().Hold != "" || b.unheard() {
			every = holdEvery
		}
		if b.again.Load() || b.now().Sub(asked) >= every {
			asked = b.now()
			if err := b.configure(ctx); err != nil {
				return err
			}
		}
		if b.farewell(ctx) && b.Once && b.rest(ctx, false) == nil {
			continue
		}
		full, err := b.round(ctx, s)
		if err != nil {
			return err
		}
		since := b.now().Sub(told)
		if since >= standingEvery || since >= changeEvery && b.changed.Swap(false) {
			told = b.now()
			b.tell(ctx, s)
			b.sendExpected(ctx)
			b.remove(ctx)
		}
		if b.Once && s.more && !full {
			continue // a year of logs comes in portions
		}
		if b.Once && !full && (s.waiting() == 0 || b.now().Sub(began) >= b.Wait) {
			if err := b.finish(ctx, s); err != nil || !b.again.Load() {
				return err
			}
			continue
		}
		if err := b.rest(ctx, full); err != nil {
			return err
		}
	}
}

// round looks once and seals what is whole. full means that more waits for
// room in the spool.
func (b *box) round(ctx context.Context, s *scanner) (full bool, err error) {
	if hold := b.config().Hold; hold != "" {
		b.report(Event{What: "waiting", Text: hold})
		if b.Once {
			return false, errors.New(hold)
		}
		return false, nil
	}
	if err := s.look(ctx); err != nil {
		if ctx.Err() != nil || b.Once || s.profile == nil {
			return false, err
		}
		// A folder on a share can be away for a while; the spool goes on.
		b.needs(b.From, "", reasonOf(err), "check that the folder is there and can be read", 0)
		return false, nil
	}
	b.well(b.From)
	err = s.seal(ctx)
	if errors.Is(err, errSpoolFull) {
		b.report(Event{What: "waiting", Text: err.Error() + "; sealing goes on when uploads have ended", Bytes: b.spool.bytes(), Waiting: len(s.todo)})
		if b.Once && b.spool.bytes() == 0 {
			return false, err // nothing in the spool can end and make room
		}
		return true, b.remember(s)
	}
	if err != nil {
		return false, err
	}
	return false, b.remember(s)
}

// remember keeps how far reading has come. A disk that is full is waited for:
// until it is kept, the same is found again.
func (b *box) remember(s *scanner) error {
	err := s.settled()
	if err == nil || b.Once {
		return err
	}
	b.report(Event{What: "waiting", Text: "how far reading has come cannot be written down: " + reasonOf(err)})
	return nil
}

// rest waits for the next look, or for room where the spool is full.
func (b *box) rest(ctx context.Context, full bool) error {
	if !full {
		return sleep(ctx, b.Every)
	}
	t := time.NewTimer(10 * time.Second)
	defer t.Stop()
	select {
	case <-b.spool.room():
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// finish waits for the uploads and sums up, for Once.
func (b *box) finish(ctx context.Context, s *scanner) error {
	all := make(chan struct{})
	go func() { b.pending.Wait(); close(all) }()
	select {
	case <-all:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	b.tell(ctx, s)
	b.sendExpected(ctx)
	b.remove(ctx)
	b.writeStatus(s)
	b.mu.Lock()
	bad := len(b.attention)
	b.mu.Unlock()
	b.report(Event{What: "idle", Waiting: s.waiting(), Text: s.summary(bad)})
	return nil
}

// waiting is how many files there are that this run may not take yet.
func (s *scanner) waiting() int { return len(s.partial) + s.unnamed.Files + len(s.locked) }

// summary says what a run that ends has left, and when that can be taken.
func (s *scanner) summary(bad int) string {
	t := []string{"all that is whole has been archived"}
	if s.waiting() > len(s.partial) {
		t[0] = "not all has been archived"
	}
	say := func(n int, one, many string) {
		if n == 1 {
			t = append(t, one)
		} else if n > 1 {
			t = append(t, fmt.Sprintf(many, n))
		}
	}
	say(len(s.partial), "1 file is still being written and waits for the next run", "%d files are still being written and wait for the next run")
	if n := s.unnamed.Files; n > 0 {
		at := s.unnamed.Until.Local().Format("15:04:05")
		say(n, "1 file that no log names yet waits for its log until "+at+"; a longer --wait takes it then", "%d files that no log names yet wait for their logs until "+at+"; a longer --wait takes them then")
	}
	say(len(s.locked), "1 file is kept open by another program", "%d files are kept open by another program")
	say(bad, "1 needs attention", "%d need attention")
	return strings.Join(t, "; ")
}

// bring delivers an entry, however long that takes. An error ends the box.
func (b *box) bring(ctx context.Context, e *entry) error {
	since := b.now()
	for attempt := 0; ; attempt++ {
		err := b.deliver(ctx, e)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if final(err) {
			return err
		}
		if r, ok := errors.AsType[*refusal](err); ok {
			if b.answered(e, r) {
				return nil
			}
		} else if errors.Is(err, errDamaged) {
			return b.sealAnew(e)
		}
		if b.Once && b.now().Sub(since) > b.Patience {
			return fmt.Errorf("given up for now: %w; what is sealed waits in the spool, run collect again", err)
		}
		if b.parting() && refusedNow(err) {
			return b.drop(e)
		}
		b.report(Event{What: "away", Upload: e.Upload.String(), Text: err.Error() + "; it is tried again until it works"})
		if b.wait(ctx, b.retryIn(err, attempt)) != nil {
			return nil
		}
	}
}

// wait waits for the next attempt; that the customer leaves is worth one at once.
func (b *box) wait(ctx context.Context, d time.Duration) error {
	parted := b.parted
	if b.parting() {
		parted = nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-parted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answered deals with an answer that concerns this entry alone; true means
// that the entry has ended.
func (b *box) answered(e *entry, r *refusal) bool {
	switch {
	case r.Code == codeReseal:
		return b.sealAnew(e) == nil
	case r.Code == codeUnknown:
		// The server has forgotten it, or was given other bytes than were
		// signed: it begins again, unless the fault is in the spool.
		return b.spool.whole(e) != nil && b.sealAnew(e) == nil
	case r.Status == http.StatusUnprocessableEntity, r.Status == http.StatusRequestEntityTooLarge:
		b.refuse(e, r.Text)
		b.forget(e)
		return b.spool.remove(e) == nil
	}
	return false
}

// sealAnew drops an entry and looks for its source from the start, with the
// server's settings as they are now. A source that comes to this again and
// again needs attention.
func (b *box) sealAnew(e *entry) error {
	b.mu.Lock()
	b.anew[e.Sources[0].Path]++
	often := b.anew[e.Sources[0].Path] > 3
	b.mu.Unlock()
	if often {
		b.refuse(e, "what was sealed from this file did not arrive as it was, several times over")
	} else {
		b.report(Event{What: "waiting", Upload: e.Upload.String(), Text: "a sealed recording is of no use; its source is sealed anew"})
	}
	b.forget(e)
	b.again.Store(true)
	return b.spool.remove(e)
}
