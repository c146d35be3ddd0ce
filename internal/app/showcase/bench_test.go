package showcase_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/freeport"
	"ringfence/internal/tenancy/org"
)

// BenchmarkReady measures from the start of the process to the first answer of
// /healthz, on an empty data folder and with 500 customers: at most 1 s and 3 s.
func BenchmarkReady(b *testing.B) {
	for _, c := range []struct {
		places int
		most   time.Duration
	}{{0, time.Second}, {500, 3 * time.Second}} {
		b.Run(fmt.Sprintf("places=%d", c.places), func(b *testing.B) {
			dir := b.TempDir()
			cfg := servertest.Prepared(b, dir, "--listen", freeport.Address(b))
			populate(b, cfg.Data, dir, c.places)
			var worst time.Duration
			for b.Loop() {
				began := time.Now()
				s := apptest.Start(b, "serve", "--config", filepath.Join(dir, "etc", "ringfence.yaml"))
				answers(b, "http://"+cfg.Listen)
				worst = max(worst, time.Since(began))
				b.StopTimer()
				s.Stop()
				b.StartTimer()
			}
			b.ReportMetric(worst.Seconds(), "worst-s")
			b.ReportMetric(worst.Seconds()/c.most.Seconds(), "worst/bound")
		})
	}
}

// populate makes customers.
func populate(b *testing.B, data, dir string, n int) {
	b.Helper()
	if n == 0 {
		return
	}
	c, err := config.Load(filepath.Join(dir, "etc", "ringfence.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	c.Listen = "127.0.0.1:0"
	s := servertest.Serving(b, c, server.Extras{})
	root, err := s.Tree.Root(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := s.Tree.Create(b.Context(), actor.ForSystem("bench"), root.ID, org.Customer, fmt.Sprint("Customer ", i)); err != nil {
			b.Fatal(err)
		}
	}
	s.Stop()
	if files, err := filepath.Glob(filepath.Join(data, "places", "places", "*.db")); err != nil || len(files) != n {
		b.Fatalf("%d places: %v", len(files), err)
	}
}

func answers(b *testing.B, url string) {
	b.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if res, err := http.Get(url + "/healthz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	b.Fatal("the server does not answer")
}

// BenchmarkThreeGiB archives one file of 3 GiB, stored twice and read back, and
// reports the most memory that the server had resident: at most 200 MiB.
func BenchmarkThreeGiB(b *testing.B) {
	for b.Loop() {
		c, d := demonstration(b)
		const size = 3 << 30
		began := time.Now()
		put(b, d.DropFolder, "three.wav", func(f *os.File) error {
			if _, err := f.Write(sound.WAVHeader(1, 8000, size/2)); err != nil {
				return err
			}
			return f.Truncate(44 + size) // silence
		})
		verified(b, d)
		took := time.Since(began)
		mib := c.Peak()
		b.ReportMetric(float64(mib), "peak-MiB")
		b.ReportMetric(float64(mib)/200, "peak/bound")
		b.ReportMetric(3*1024/took.Seconds(), "MiB/s")
		c.Stop()
	}
}

// BenchmarkHear opens recordings of two hours at the API and hears them, over
// HTTP: from the press of the button to the first second of sound at most
// 300 ms, from a seek to sound at most 150 ms, each at the 95th percentile.
func BenchmarkHear(b *testing.B) {
	c, d := demonstration(b)
	const frames = 2 * 3600 * 8000
	put(b, d.DropFolder, "two-hours.wav", func(f *os.File) error {
		if _, err := f.Write(sound.WAVHeader(2, 8000, frames)); err != nil {
			return err
		}
		_, err := io.CopyN(f, rand.Reader, 4*frames)
		return err
	})
	verified(b, d)
	super := d.as(b, "superuser")
	customer := super.Places()[0].ID
	list := super.List(customer, "min_seconds=7000")
	if len(list) != 1 {
		b.Fatalf("%d long recordings", len(list))
	}
	for b.Loop() {
		var first, seek []time.Duration
		for range 40 {
			began := time.Now()
			var o struct {
				SoundURL string `json:"sound_url"`
			}
			super.Must(201, "POST", "/api/v1/customers/"+customer+"/recordings/"+list[0].ID+"/openings", map[string]string{"what": "listen"}, &o)
			hear(super, o.SoundURL, 0)
			first = append(first, time.Since(began))
			for range 10 {
				var r [4]byte
				rand.Read(r[:])
				at := (int64(r[0])<<16 | int64(r[1])<<8 | int64(r[2])) * 13 // anywhere in the two hours
				began := time.Now()
				hear(super, o.SoundURL, at)
				seek = append(seek, time.Since(began))
			}
		}
		slices.Sort(first)
		slices.Sort(seek)
		b.ReportMetric(float64(first[len(first)*95/100].Microseconds())/1000, "first-p95-ms")
		b.ReportMetric(float64(seek[len(seek)*95/100].Microseconds())/1000, "seek-p95-ms")
	}
	c.Stop()
}

// hear reads a second of stereo sound.
func hear(b *apptest.Browser, url string, at int64) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.URL+url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at+31_999))
	res, err := b.HTTP.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 32_000 || res.StatusCode != http.StatusPartialContent {
		b.Fatalf("%d bytes, %v %v", n, res.Status, err)
	}
}

// demonstration is a demo that has just been started.
func demonstration(b *testing.B) (*apptest.Child, demoShown) {
	b.Helper()
	c := apptest.Start(b, "demo", "--data", b.TempDir(), "--listen", "127.0.0.1:0", "--json")
	return c, readDemo(b, c)
}

// as signs somebody of a role in.
func (d demoShown) as(b *testing.B, role string) *apptest.Browser {
	b.Helper()
	who := apptest.NewBrowser(b, d.URL)
	for _, p := range d.People {
		if p.Role == role {
			who.SignIn(p.Email, p.Password, who.Mailbox)
		}
	}
	return who
}

// put puts a file into a folder at once, whole.
func put(b *testing.B, folder, name string, write func(*os.File) error) {
	b.Helper()
	f, err := os.Create(filepath.Join(filepath.Dir(folder), name))
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		b.Fatal(err)
	}
}

// verified waits until the thirteenth recording was stored and read back.
func verified(b *testing.B, d demoShown) {
	b.Helper()
	admin := d.as(b, "customer_admin")
	customer := admin.Places()[0].ID
	apptest.Eventually(b, 10*time.Minute, "it is archived and read back", func() bool {
		var u struct{ Recordings, Unverified int }
		admin.Must(200, "GET", "/api/v1/customers/"+customer+"/usage", nil, &u)
		return u.Recordings == 13 && u.Unverified == 0
	})
}
