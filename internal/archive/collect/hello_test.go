package collect

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
)

func TestWhatBothSpeak(t *testing.T) {
	for _, c := range []struct {
		offered []int
		oldest  int
		want    int
	}{
		{[]int{1}, 1, 1}, {[]int{1, 2}, 1, 2}, {[]int{2, 1}, 2, 2}, {[]int{1}, 2, 0}, {[]int{2, 3, 99}, 1, 3}, {[]int{-1, 0, 99}, 1, 0}, {nil, 1, 0},
	} {
		if got := spoken(c.offered, c.oldest); got != c.want {
			t.Errorf("%v since %d: %d, want %d", c.offered, c.oldest, got, c.want)
		}
	}
}

// A greeting counts for one box and one hello, signed by the pinned key; an
// offer in it that cannot be meant is left out.
func TestGreetingsThatAreNotBelieved(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	d, err := openDevice(w.state)
	fine(t, err)
	h := Hello{Release: "0.4.0", Protocols: []int{1, 2}, OS: "linux", Arch: "amd64", Nonce: []byte("0123456789abcdef")}
	good := Greeting{Customer: d.Customer, Device: d.Device, Nonce: h.Nonce, Protocol: 2, Release: "0.4.0", At: time.Now()}
	signed := func(g Greeting) Signed {
		s, err := w.server.signDocument(t.Context(), helloLabel, g)
		fine(t, err)
		return s
	}
	if _, err := readGreeting(signed(good), d.identity, h); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Greeting){
		"another box":      func(g *Greeting) { g.Device = id.New[id.Device]() },
		"another customer": func(g *Greeting) { g.Customer = id.New[id.Customer]() },
		"an old answer":    func(g *Greeting) { g.Nonce = []byte("another") },
		"protocol 0":       func(g *Greeting) { g.Protocol = 0 },
		"protocol 4":       func(g *Greeting) { g.Protocol = newestProtocol + 1 },
	} {
		g := good
		change(&g)
		if _, err := readGreeting(signed(g), d.identity, h); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
	other := d.identity
	other.ServerKey = make([]byte, len(d.ServerKey))
	if _, err := readGreeting(signed(good), other, h); err == nil {
		t.Error("another server's greeting is believed")
	}
	g := good
	g.Offer, g.Take = &upgrade.Offer{Release: "../../x", OS: "linux", Arch: "amd64", Size: 1}, true
	if got, err := readGreeting(signed(g), d.identity, h); err != nil || got.Offer != nil || got.Take {
		t.Errorf("%+v %v", got, err)
	}
}

// The box's clock is measured with each answer; the server knows it from the
// hello, and of a box that does not say, from the dates of its requests.
func TestTheClockIsMeasured(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 3 * time.Second, "behind": -4 * time.Second, "right": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol()
			w.mustCollect(func(o *Options) { o.now = func() time.Time { return time.Now().Add(off) } })
			st, err := ReadStatus(w.state)
			fine(t, err)
			list, err := w.server.Devices(t.Context(), w.place)
			fine(t, err)
			d := list[0]
			if st.ClockMS == nil || d.Clock == nil || (time.Duration(*st.ClockMS)*time.Millisecond-off).Abs() > 500*time.Millisecond || (*d.Clock-off).Abs() > time.Second {
				t.Errorf("measured %v on the box and %v on the server, and it is %v", st.ClockMS, d.Clock, off)
			}
			if d.Release != release.Number() || d.Protocol != newestProtocol || d.Platform != runtime.GOOS+"/"+runtime.GOARCH {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestDates(t *testing.T) {
	h := http.Header{}
	if _, _, ok := dated(h); ok {
		t.Error("an answer without a date has one")
	}
	h.Set("Date", "Sun, 22 Nov 2026 12:00:00 GMT")
	if at, unsure, ok := dated(h); !ok || unsure != 500*time.Millisecond || at.Nanosecond() != 5e8 {
		t.Error(at, unsure, ok)
	}
	h.Set(timeHeader, "2026-11-22T12:00:00.25Z")
	if at, unsure, ok := dated(h); !ok || unsure != 0 || at.Nanosecond() != 25e7 {
		t.Error(at, unsure, ok)
	}
}

// A box that signs off is refused from then on.
func TestABoxSignsOff(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	fine(t, Leave(t.Context(), w.state))
	if _, err := w.collect(nil); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("%v", err)
	}
}

func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"release":"0.4.0","protocols":[1,2],"os":"linux","arch":"amd64","nonce":"MDEyMzQ1Njc4OQ=="}`))
	f.Add([]byte(`{"release":"0.4.0","protocols":[1],"nonce":"MDEyMzQ1Njc4OQ==","failed":{"release":"0.4.1","reason":"it ended before it had reported back"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHello(b)
		if err != nil {
			return
		}
		if _, err := release.Parse(h.Release); err != nil || len(h.OS) > 20 || len(h.Arch) > 20 || len(h.Nonce) > 64 || h.Failed != nil && !knownReason(h.Failed.Reason) {
			t.Fatalf("%+v", h)
		}
		spoken(h.Protocols, 1)
	})
}

func FuzzGreeting(f *testing.F) {
	f.Add([]byte(`{"protocol":2,"offer":{"release":"0.4.1","os":"linux","arch":"amd64","size":5}}`), []byte("sig"))
	who, h := identity{ServerKey: make([]byte, 32)}, Hello{OS: "linux", Arch: "amd64", Nonce: []byte("0123456789")}
	f.Fuzz(func(t *testing.T, body, sig []byte) {
		if _, err := readGreeting(Signed{body, sig}, who, h); err == nil {
			t.Fatal("a greeting that nobody signed is believed")
		}
		var s Signed
		_ = json.Unmarshal(body, &s) // what arrives is JSON before it is anything else
	})
}
