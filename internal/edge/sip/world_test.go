package sip

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/freeport"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/redaction"
)

// world is a server with one source, and what it has archived.
type world struct {
	*testing.T
	*recordingtest.World
	siprec *siprec.Service
	sip    *Server
	source recording.Source
	spool  string
	pauses *redaction.Service
}

// ports of tests, apart for each world.
var nextPorts = 16384 + os.Getpid()%20*400

func newWorld(t *testing.T, set siprec.Settings, change ...func(*Options)) *world {
	t.Helper()
	schemas := recordingtest.Schemas(siprec.Migrations(), redaction.Migrations())
	schemas.Housekeeping = slices.Concat(schemas.Housekeeping, siprec.Housekeeping, redaction.Housekeeping)
	w := &world{T: t, World: recordingtest.On(t, placetest.New(t, schemas), recording.Options{}), spool: t.TempDir()}
	return w.start(set, change...)
}

func (w *world) start(set siprec.Settings, change ...func(*Options)) *world {
	w.Helper()
	ctx := w.Context()
	log := slog.New(slog.NewTextHandler(testWriter{w.T}, nil))
	var err error
	w.pauses = redaction.New(redaction.Options{Recordings: w.Service})
	w.siprec, err = siprec.New(siprec.Options{Store: w.Store, Recordings: w.Service, Spool: w.spool, Log: log, Hushed: func(tx *place.Tx, sources []id.Source) (all []siprec.Hush, err error) {
		going, err := w.pauses.Going(tx, sources)
		for _, g := range going {
			all = append(all, siprec.Hush(g))
		}
		return all, err
	}})
	w.no(err)
	w.no(w.siprec.Start(ctx))
	w.source, err = w.Service.AddSource(ctx, w.Place, w.Who, recording.Source{Kind: recording.Siprec, Name: "sbc", Profile: "generic", Country: "GB"})
	w.no(err)
	_, err = w.siprec.Set(ctx, w.Place, w.Who, w.source.ID, set)
	w.no(err)
	o := Options{Listen: "127.0.0.1:0", LowPort: nextPorts, HighPort: nextPorts + 398, Service: w.siprec, Log: log, Address: netip.MustParseAddr("127.0.0.1")}
	for _, fn := range change {
		fn(&o)
	}
	w.sip, err = New(o)
	w.no(err)
	w.no(w.sip.Start(ctx))
	w.Cleanup(w.stop)
	return w
}

func (w *world) stop() {
	w.sip.Stop()
	w.siprec.Stop()
}

type testWriter struct{ t *testing.T }

func (t testWriter) Write(p []byte) (int, error) {
	t.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// loopback lets this machine call.
func loopback() siprec.Settings {
	return siprec.Settings{Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// until waits for something that another goroutine does.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	w.Fatalf("%s has not happened", what)
}

// recorded waits for so many recordings and gives them, the latest first.
func (w *world) recorded(n int) []recording.Recording {
	w.Helper()
	var all []recording.Recording
	w.until(fmt.Sprintf("%d recordings", n), func() bool {
		page, err := w.Service.List(w.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Limit: 100})
		w.no(err)
		all = page.Items
		return len(all) >= n
	})
	return all
}

// sound reads a recording as linear samples, by channel.
func (w *world) heard(r recording.Recording) [][]float64 {
	w.Helper()
	o, err := w.Service.Open(w.Context(), w.Place, w.Who, r.ID, recording.Ask{What: "listen"})
	w.no(err)
	defer o.Close()
	pcm, err := o.PCM(w.Context())
	w.no(err)
	defer pcm.Close()
	out := make([][]float64, pcm.Channels())
	buf := make([]int16, 8000*pcm.Channels())
	for at := int64(0); ; {
		n, err := pcm.ReadFrames(buf, at)
		for i := range n {
			for c := range out {
				out[c] = append(out[c], float64(buf[i*len(out)+c]))
			}
		}
		at += int64(n)
		if err == io.EOF || n == 0 {
			return out
		}
		w.no(err)
	}
}

// level is how loud a tone is in samples (Goertzel), as an amplitude.
func level(s []float64, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/8000)
	var a, b float64
	for _, v := range s {
		a, b = v+k*a-b, a
	}
	return 2 * math.Sqrt(max(0, a*a+b*b-k*a*b)) / float64(len(s))
}

// sipp runs a scenario against the server and fails if a call does.
func (w *world) sipp(scenario string, args ...string) {
	w.Helper()
	udp, _, _ := w.sip.Addresses()
	w.sippAt(udp.String(), scenario, args...)
}

func (w *world) sippAt(to, scenario string, args ...string) {
	w.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", scenario))
	w.no(err)
	ctx, cancel := context.WithTimeout(w.Context(), 60*time.Second)
	defer cancel()
	dir := w.TempDir()
	w.no(os.WriteFile(filepath.Join(dir, "tone.pcma"), tone(440, 10*time.Second), 0o600))
	all := append([]string{
		to, "-sf", path, "-i", "127.0.0.1", "-p", strconv.Itoa(freeport.Number(w.T)), "-nostdin", "-timeout", "50", "-timeout_error",
		"-trace_err", "-error_file", filepath.Join(w.TempDir(), "errors"), "-s", siprec.Address(w.source.ID),
	}, args...)
	c := exec.CommandContext(ctx, "sipp", all...)
	c.Dir = dir
	c.Env = append(os.Environ(), "TERM=dumb")
	if out, err := c.CombinedOutput(); err != nil {
		text := string(out)
		w.Fatalf("sipp %s: %v\n%s\n%s", scenario, err, text[max(0, len(text)-1500):], errorsOf(all))
	}
}

func errorsOf(args []string) string {
	for i, a := range args {
		if a == "-error_file" {
			b, _ := os.ReadFile(args[i+1])
			return string(b[:min(len(b), 3000)])
		}
	}
	return ""
}

// tone is a sine in A-law.
func tone(hz float64, length time.Duration) []byte {
	out := make([]byte, int(length.Seconds()*8000))
	for i := range out {
		out[i] = aLaw(int(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000)))
	}
	return out
}

// aLaw writes a sample as ITU-T G.711 says, by its definition.
func aLaw(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		sign, v = 0, -v-1
	}
	v >>= 4
	seg := 0
	for s := v; s > 31; s >>= 1 {
		seg++
	}
	c := byte(v & 0x0f)
	if v > 15 {
		if seg > 0 {
			v >>= seg
		}
		c = byte(v&0x0f) | byte(seg+1)<<4
	}
	return (sign | c) ^ 0x55
}
