package detect_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/detect"
	"ringfence/internal/trust/monitor"
)

// post notes when something was first mailed to whom.
type post struct {
	mu   sync.Mutex
	told map[string]time.Time
}

func (p *post) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told[m.To].IsZero() {
		p.told[m.To] = time.Now()
	}
	return nil
}

// BenchmarkAlert has things go wrong at random times in an installation with 200
// customers, each with a source and a collector, and measures how long it takes
// from the event to the mail in the hands of the mail server. Bound: 60 s.
func BenchmarkAlert(b *testing.B) {
	for _, e := range placetest.Engines {
		b.Run(e.Name, func(b *testing.B) {
			for range b.N {
				benchAlert(b, e)
			}
		})
	}
}

// site is one customer of the benchmark.
type site struct {
	p      *place.Place
	source id.Source
	device id.Device
}

func benchAlert(b *testing.B, engine placetest.Engine) {
	const customers, events, within = 200, 30, 40 * time.Second
	w := openWorld(b, engine)
	box := &post{told: map[string]time.Time{}}
	root := id.New[id.Node]()
	s := monitor.New(monitor.Options{
		Store: w.Store, Mail: box, Root: func(context.Context) (id.Node, error) { return root, nil },
		Admins: func(_ context.Context, at monitor.Where) ([]monitor.Addressee, error) {
			return []monitor.Addressee{{Name: "Admin", Email: at.Node.String() + "@example.com"}}, nil
		},
	})
	var mu sync.Mutex
	free := int64(50)
	host := detect.Host{Disks: map[string]string{"data": "/"}, Room: func(string) (int64, int64, error) { mu.Lock(); defer mu.Unlock(); return free, 100, nil }}
	kinds := []monitor.Kind{monitor.FilesFailing, monitor.SpoolFilling, monitor.HostChanged}
	for _, d := range append((detect.Parts{Monitor: s, Recordings: w.Service, Collect: w.collect, Pickups: w.pickups}).Customer(), host.Detectors()[0]) {
		if d.Installation || slices.ContainsFunc(kinds, func(k monitor.Kind) bool { return slices.Contains(d.Kinds, k) }) {
			s.Detect(d)
		}
	}
	w.Store.OnCommit(s.Committed)
	sites := make([]site, customers)
	for i := range sites {
		sites[i] = w.site(b)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	time.Sleep(15 * time.Second) // each place has been looked at once, as in service
	b.ResetTimer()
	happened := map[string]time.Time{}
	var all sync.WaitGroup
	for i, at := range rand.Perm(customers)[:events] {
		all.Go(func() {
			time.Sleep(rand.N(within))
			now := time.Now()
			var err error
			if i%2 == 0 {
				err = w.Service.NoteSource(ctx, sites[at].p, sites[at].source, "failing", "the folder is gone")
			} else {
				err = sites[at].p.Keep(ctx, func(tx *place.Tx) error { // as the server notes what a box says
					tx.Notify(place.Conditions)
					_, err := tx.Exec(`UPDATE collect_devices SET spooled = 90, spool_room = 100 WHERE id = ?`, sites[at].device)
					return err
				})
			}
			if err != nil {
				b.Error(err)
			}
			mu.Lock()
			happened[sites[at].p.Customer().String()+"@example.com"] = now
			mu.Unlock()
		})
	}
	time.Sleep(rand.N(within / 2))
	mu.Lock()
	free, happened[root.String()+"@example.com"] = 3, time.Now()
	mu.Unlock()
	all.Wait()
	took := box.await(b, happened)
	stop()
	running.Wait()
	b.ReportMetric(float64(len(took)), "alerts")
	b.ReportMetric(took[len(took)/2].Seconds(), "s-median-to-mail")
	b.ReportMetric(took[len(took)-1].Seconds(), "s-longest-to-mail(bound-60)")
	if took[len(took)-1] > time.Minute {
		b.Errorf("an alert came %v after its event", took[len(took)-1])
	}
}

// await waits until everybody was told, and gives how long that took.
func (p *post) await(b *testing.B, happened map[string]time.Time) (took []time.Duration) {
	b.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		took = took[:0]
		p.mu.Lock()
		for who, at := range happened {
			if told := p.told[who]; !told.IsZero() {
				took = append(took, told.Sub(at))
			}
		}
		p.mu.Unlock()
		if len(took) == len(happened) {
			slices.Sort(took)
			return took
		}
		if time.Now().After(end) {
			b.Fatalf("%d of %d were told", len(took), len(happened))
		}
	}
}

// site adds a customer with a source and a collector that was heard of.
func (w *world) site(b *testing.B) site {
	b.Helper()
	s := site{p: placetest.Customer(b, w.Store)}
	src, err := w.Service.AddSource(b.Context(), s.p, admin, recording.Source{Name: "PBX", Kind: recording.Collector, Profile: "generic", TimeZone: "UTC"})
	no(b, err)
	d, _, err := w.collect.Add(b.Context(), s.p, admin, "Box", src.ID)
	no(b, err)
	s.source, s.device = src.ID, d.ID
	no(b, s.p.Keep(b.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE collect_devices SET enrolled_at = ?, seen_at = ? WHERE id = ?`, time.Now().UnixMilli(), time.Now().UnixMilli(), d.ID)
		return err
	}))
	return s
}
