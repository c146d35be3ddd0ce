//go:build bench

package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func (d *door) ask(b *testing.B, path, header, value string) {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "192.0.2.19:4711"
	r.Header.Set(header, value)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body.String())
	}
}

// cpu is what the process has used, in user and system mode. PostgreSQL's own
// work is in other processes and not in it.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGate measures what an authenticated request costs over an open one:
// session or token, access lists, policy, membership, act. At most 0.3 ms of CPU.
func BenchmarkGate(b *testing.B) {
	const most = 300 * time.Microsecond
	// In this order: with the few MiB of a process that has just begun, garbage is
	// collected several times as often as in a server.
	for _, engine := range placetest.Engines {
		name := strings.ToLower(engine.Name)
		d := newDoor(b, engine.Config(b))
		d.server.BenchRoutes()
		d.path += "/bench"
		for _, way := range [][3]string{{"session", "Cookie", d.cookie}, {"token", "Authorization", "Bearer " + d.token}} {
			who, header := way[0], way[1:]
			b.Run(name+"/"+who, func(b *testing.B) {
				d.ask(b, d.path, header[0], header[1]) // caches, connections, last seen
				var open, closed time.Duration
				for b.Loop() {
					for range 50 {
						t := cpu(b)
						d.ask(b, "/api/v1/bench/open", "X-Nothing", "x")
						u := cpu(b)
						d.ask(b, d.path, header[0], header[1])
						open, closed = open+u-t, closed+cpu(b)-u
					}
				}
				n := float64(b.N) * 50
				over := (closed - open).Seconds() / n
				b.ReportMetric(open.Seconds()/n*1e6, "open-cpu-µs")
				b.ReportMetric(over*1e6, "over-cpu-µs")
				b.ReportMetric(over/most.Seconds(), "over/bound")
			})
		}
	}
}

// BenchmarkFlood sends 10,000 wrong passwords from 100 networks over HTTP and
// then a right one from elsewhere, which takes less than a second.
func BenchmarkFlood(b *testing.B) {
	d := newDoor(b, place.Config{Dir: b.TempDir()})
	ask := func(address, pass string) int {
		r := httptest.NewRequest("POST", "/api/v1/sign-in", strings.NewReader(`{"email": "cora@example.com", "password": "`+pass+`"}`))
		r.RemoteAddr = address + ":4711"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w.Code
	}
	for b.Loop() {
		done := make(chan map[int]int)
		for a := range 100 {
			go func() {
				codes := map[int]int{}
				for range 100 {
					codes[ask(fmt.Sprintf("10.0.%d.1", a), "wrong")]++
				}
				done <- codes
			}()
		}
		codes := map[int]int{}
		for range 100 {
			for c, n := range <-done {
				codes[c] += n
			}
		}
		began := time.Now()
		if got := ask("192.0.2.19", password); got != http.StatusOK {
			b.Fatal(got)
		}
		b.ReportMetric(time.Since(began).Seconds(), "right-s")
		b.ReportMetric(float64(codes[401]), "checked")
		b.ReportMetric(float64(codes[429]), "slowed")
	}
}
