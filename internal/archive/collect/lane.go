package collect

import (
	"context"
	"errors"
	"io"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
)

// What a device has sent is archived in batches: while one is being committed,
// the next gathers. A single recording does not wait; of many, most of what an
// archiving costs is shared.

// maxBatch bounds a batch, and with it what whole uploads hold in memory.
const maxBatch = 64

// arrival is one upload whose bytes are all here.
type arrival struct {
	v       *visit
	m       *Manifest
	data    io.ReaderAt
	done    chan struct{}
	receipt Receipt // its state, recording and reason; sign completes it
	err     error
}

// lane is what waits of one device.
type lane struct {
	waiting []*arrival
	busy    bool
}

// archiveOne hands an arrival over and waits until its batch has ended.
func (s *Server) archiveOne(v *visit, m *Manifest, data io.ReaderAt) (Receipt, error) {
	a := &arrival{v: v, m: m, data: data, done: make(chan struct{})}
	s.mu.Lock()
	l := s.lanes[v.device.ID]
	if l == nil {
		l = &lane{}
		s.lanes[v.device.ID] = l
	}
	l.waiting = append(l.waiting, a)
	if !l.busy {
		l.busy = true
		s.work.Go(func() { s.drain(l) })
	}
	s.mu.Unlock()
	<-a.done
	return a.receipt, a.err
}

// drain archives until nothing waits. It does not end with a request: a box
// that goes away must not leave half.
func (s *Server) drain(l *lane) {
	for {
		s.mu.Lock()
		n := min(len(l.waiting), maxBatch)
		batch := l.waiting[:n:n]
		l.waiting = l.waiting[n:]
		l.busy = n > 0
		s.mu.Unlock()
		if n == 0 {
			return
		}
		s.archiveBatch(context.Background(), batch)
		for _, a := range batch {
			close(a.done)
		}
	}
}

// archiveBatch takes the keys of a batch, opens its cards, and archives it.
func (s *Server) archiveBatch(ctx context.Context, batch []*arrival) {
	v := batch[0].v
	s.step("adopt")
	adopted, err := s.keys.AdoptMany(ctx, v.place.Customer(), capsules(batch))
	if err != nil {
		failAll(batch, err)
		return
	}
	var ins []recording.SealedIn
	var of []*arrival
	for i, a := range batch {
		if err := adopted[i].Err; err != nil {
			a.receipt, a.err = s.notAdopted(ctx, v, a.m.Recording, err)
			continue
		}
		in, err := sealedIn(v, a.m, adopted[i].Reserved, a.data)
		if err != nil {
			a.receipt = Receipt{State: Refused, Reason: err.Error()}
			continue
		}
		ins, of = append(ins, in), append(of, a)
	}
	if len(ins) == 0 {
		return
	}
	s.step("archive")
	out, err := s.archive.ArchiveSealedBatch(ctx, v.place, v.who, ins)
	if err != nil {
		failAll(of, err)
		return
	}
	for i, a := range of {
		if errors.Is(out[i].Err, errStaged) {
			a.err = errStaged
			continue
		}
		a.receipt, a.err = s.judge(ctx, v, out[i])
	}
}

func capsules(batch []*arrival) []keyring.Enclosed {
	all := make([]keyring.Enclosed, len(batch))
	for i, a := range batch {
		all[i] = keyring.Enclosed{Capsule: a.m.Capsule, Info: capsuleInfo(a.m.Customer, a.m.Device, a.m.Upload)}
	}
	return all
}

func failAll(batch []*arrival, err error) {
	for _, a := range batch {
		a.err = err
	}
}

// notAdopted says what it means that the keys of an upload were not taken.
func (s *Server) notAdopted(ctx context.Context, v *visit, r id.Recording, err error) (Receipt, error) {
	switch {
	case fault.Is(err, fault.Gone):
		return s.gone(ctx, v, r)
	case fault.Is(err, fault.Denied):
		return Receipt{}, errReseal // sealed to a key that the customer no longer has
	}
	return Receipt{}, err
}
