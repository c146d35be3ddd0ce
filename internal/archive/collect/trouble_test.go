package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/base/fault"
)

// only lets through requests for the given paths; the server is away for others.
func only(h http.Handler, paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range paths {
			if strings.HasPrefix(r.URL.Path, Path+p) {
				h.ServeHTTP(w, r)
				return
			}
		}
		panic(http.ErrAbortHandler) // the connection breaks off
	})
}

// onceEach answers the first request of each kind with trouble.
func onceEach(h http.Handler, trouble func(w http.ResponseWriter, r *http.Request, h http.Handler)) http.Handler {
	seen := map[string]*atomic.Bool{}
	for _, k := range []string{"POST uploads", "PATCH uploads", "POST complete", "PUT uploads"} {
		seen[k] = &atomic.Bool{}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Method + " uploads"
		if strings.HasSuffix(r.URL.Path, "/complete") {
			kind = "POST complete"
		}
		if s := seen[kind]; s != nil && strings.Contains(r.URL.Path, "/uploads") && !s.Swap(true) {
			trouble(w, r, h)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func TestTroubleOnTheWay(t *testing.T) {
	for name, trouble := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"429": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"503": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			io.WriteString(w, "<html>welcome to the hotel's wireless network</html>")
		},
		"redirect": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"cut before": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"cut within": func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 100))
			h.ServeHTTP(w, r)
		},
		// The server has done it, but the box never hears of it.
		"answer lost": func(_ http.ResponseWriter, r *http.Request, h http.Handler) {
			h.ServeHTTP(nowhere{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		},
	} {
		for way, small := range map[string]int64{"whole": maxWhole, "chunks": 1} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.enrol()
				a := wavFile(t, w.from, "a.wav", 1, 20)
				w.front.serve(onceEach(w.server, trouble))
				events := w.mustCollect(func(o *Options) { o.After, o.small = Delete, small })
				if len(w.archived()) != 1 || exists(a) || w.left() != 0 {
					t.Fatalf("%d recordings, %d files left; %+v", len(w.archived()), w.left(), events)
				}
			})
		}
	}
}

// A connection that was kept open breaks after the server has taken a request: net/http
// sends it again by itself, and what was used before is signed anew.
func TestARequestThatIsSentTwiceIsSignedAnew(t *testing.T) {
	r := newRogue(t) // it was answered once: its connection is open
	broken := 0
	r.w.front.serve(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if broken++; broken == 1 {
			r.w.server.ServeHTTP(nowhere{http.Header{}}, q)
			panic(http.ErrAbortHandler)
		}
		r.w.server.ServeHTTP(w, q)
	}))
	if _, err := r.b.up.config(t.Context()); err != nil || broken != 3 {
		t.Fatalf("after %d requests: %v", broken, err)
	}
	// Also where something in between sends each twice, no box ends by that.
	r.w.front.serve(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.w.server.ServeHTTP(nowhere{http.Header{}}, q)
		r.w.server.ServeHTTP(w, q)
	}))
	if _, err := r.b.up.config(t.Context()); err == nil || final(err) {
		t.Fatalf("all are sent twice: %v", err)
	}
}

type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// A server that takes the connection and says nothing does not stop the box.
func TestHangingServerIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	release := make(chan struct{})
	defer close(release)
	w.front.serve(onceEach(w.server, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	events := w.mustCollect(func(o *Options) { o.silence = 300 * time.Millisecond })
	if len(w.archived()) != 1 {
		t.Fatalf("%+v", events)
	}
}

func TestWrongClockIsTold(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	for off, want := range map[time.Duration]string{-450 * time.Second: "behind", 450 * time.Second: "ahead of"} {
		_, err := w.collect(func(o *Options) {
			o.Patience = time.Millisecond
			o.now = func() time.Time { return time.Now().Add(off) }
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "7m") || !strings.Contains(err.Error(), "chrony") {
			t.Errorf("off by %v: %v", off, err)
		}
	}
	w.mustCollect(nil)
	if len(w.archived()) != 1 {
		t.Fatal("with the right clock it did not go on")
	}
}

func TestRevokedBoxIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	if err := w.server.Revoke(t.Context(), w.place, admin, c.Device); err != nil {
		t.Fatal(err)
	}
	_, err := w.collect(nil)
	if r, ok := errors.AsType[*refusal](err); !ok || r.Code != codeDevice {
		t.Fatalf("got %v", err)
	}
	if len(w.archived()) != 0 || w.left() != 0 {
		t.Fatal("something got through")
	}
}

func TestNothingIsCapturedBeforeRetentionIsChosen(t *testing.T) {
	w, err := openWorld(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	tw := newWorldOn(t, w)
	tw.enrol()
	wavFile(t, tw.from, "a.wav", 1, 2)
	events, err := tw.collect(nil)
	if err == nil || !strings.Contains(err.Error(), "how long") || count(events, "sealed") != 0 {
		t.Fatalf("%v; %+v", err, events)
	}
	if err := w.archive.SetRetention(t.Context(), w.place, admin, 30); err != nil {
		t.Fatal(err)
	}
	tw.mustCollect(nil)
	if len(tw.archived()) != 1 {
		t.Fatal("not captured afterwards")
	}
}

// A box whose customer is suspended, or has used up a quota, hears why, touches
// no source, and goes on by itself when it may.
func TestNothingNewMayComeIn(t *testing.T) {
	for name, why := range map[string]error{
		"suspended": fault.New(fault.Denied, "this customer is suspended"),
		"quota":     fault.New(fault.Limited, "the quota of storage is used up").After(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol()
			a := wavFile(t, w.from, "a.wav", 1, 2)
			w.may.Store(&why)
			events, err := w.collect(func(o *Options) { o.After, o.Patience = Delete, time.Second })
			if err == nil || !strings.Contains(err.Error(), fault.Of(why).Text) {
				t.Errorf("the box says %v; %+v", err, events)
			}
			if len(w.archived()) != 0 || !exists(a) {
				t.Fatal("something came in, or its source has gone")
			}
			w.may.Store(nil)
			w.mustCollect(func(o *Options) { o.After = Delete })
			if len(w.archived()) != 1 || exists(a) || w.left() != 0 {
				t.Error("it does not go on once it may")
			}
		})
	}
}

// One bad file stops no other; the portal lists it until it is gone.
func TestUnreadableFileNeedsAttention(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	bad := filepath.Join(w.from, "bad.wav")
	if err := os.WriteFile(bad, []byte("this is text"), 0o644); err != nil {
		t.Fatal(err)
	}
	wavFile(t, w.from, "good.wav", 1, 2)
	events := w.mustCollect(nil)
	if count(events, "attention") != 1 || len(w.archived()) != 1 {
		t.Fatalf("%+v", events)
	}
	listed, err := w.archive.Attention(t.Context(), w.place)
	if err != nil || len(listed) != 1 || listed[0].Path != "bad.wav" || listed[0].Source != w.src {
		t.Fatalf("%+v, %v", listed, err)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	w.mustCollect(nil)
	if listed, err = w.archive.Attention(t.Context(), w.place); err != nil || len(listed) != 0 {
		t.Fatalf("still listed: %+v, %v", listed, err)
	}
}

// A running box takes a file off the list when somebody has removed it, and
// never tells its name in a reason, which is kept in the open.
func TestAttentionEndsWithItsFile(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	file := wavFile(t, w.from, "q-01514960001.wav", 1, 2)
	b, _ := w.verifiedEntry(file)
	_, cause := os.Open(filepath.Join(w.from, "q-01514960001.gone"))
	b.needs("q-01514960001.wav", "q-01514960001.wav", reasonOf(cause), adviceFor(cause), 5)
	s := newScanner(b)
	b.tell(t.Context(), s)
	listed, err := w.archive.Attention(t.Context(), w.place)
	if err != nil || len(listed) != 1 || strings.Contains(listed[0].Reason, "0151") || listed[0].Reason == "" {
		t.Fatalf("%+v, %v", listed, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b.tell(t.Context(), s)
	if listed, err = w.archive.Attention(t.Context(), w.place); err != nil || len(listed) != 0 {
		t.Fatalf("still listed: %+v, %v", listed, err)
	}
}

// A service that waits says so once, not at every look.
func TestTheSameTroubleIsToldOnce(t *testing.T) {
	w, err := openWorld(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	tw := newWorldOn(t, w)
	tw.enrol()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	waiting := 0
	o := tw.options()
	o.Once, o.Every = false, 5*time.Millisecond
	o.Events = func(e Event) {
		if e.What == "waiting" {
			if waiting++; waiting == 1 {
				time.AfterFunc(300*time.Millisecond, stop) // dozens of looks
			}
		}
	}
	if err := Run(ctx, o); err != nil || waiting != 1 {
		t.Fatalf("told %d times; %v", waiting, err)
	}
}

// Bytes that rot in the spool are found and sealed anew; so are lost ones.
func TestDamagedSpoolIsSealedAnew(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"cut":  func(path string) error { return os.Truncate(path, 1000) },
		"lost": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol()
			wavFile(t, w.from, "a.wav", 1, 5)
			w.front.serve(only(w.server, "/config"))
			if _, err := w.collect(func(o *Options) { o.Patience = time.Millisecond }); err == nil {
				t.Fatal("nothing was to get through")
			}
			w.front.serve(w.server)
			datas, err := filepath.Glob(filepath.Join(w.state, "spool", "upl_*"))
			if err != nil || len(datas) != 1 {
				t.Fatal(datas, err)
			}
			if err := damage(datas[0]); err != nil {
				t.Fatal(err)
			}
			events := w.mustCollect(nil)
			if len(w.archived()) != 1 || w.spooled() != 0 {
				t.Fatalf("%d recordings; %+v", len(w.archived()), events)
			}
		})
	}
}

// A spool that is full makes sealing wait, and everything gets through.
func TestSmallSpoolHoldsBackOnly(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	for i := range 6 {
		wavFile(t, w.from, string(rune('a'+i))+".wav", byte(i), 10)
	}
	w.mustCollect(func(o *Options) { o.SpoolLimit = 200 << 10; o.Uploads = 1 })
	if n := len(w.archived()); n != 6 {
		t.Fatalf("%d recordings", n)
	}
}

func TestFullDiskOfTheBoxLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	_, err := w.collect(func(o *Options) { o.free = func(string) (int64, error) { return 100 << 20, nil } })
	if !errors.Is(err, errSpoolFull) || !strings.Contains(err.Error(), "free") {
		t.Fatalf("got %v", err)
	}
	w.mustCollect(nil)
	if len(w.archived()) != 1 {
		t.Fatal("not captured once there was room")
	}
}

// Another server, or one set up anew, gets nothing.
func TestForeignServerGetsNothing(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	asked := atomic.Bool{}
	w.front.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch || r.Method == http.MethodPut {
			asked.Store(true)
		}
		other.server.ServeHTTP(rw, r)
	}))
	if _, err := w.collect(nil); err == nil || asked.Load() {
		t.Fatalf("a server that does not know the box got something: %v", err)
	}
}

// Whoever breaks the TLS between box and server can change neither to whom the
// box seals nor whose receipts it believes.
func TestForgedAnswersAreNotBelieved(t *testing.T) {
	w := newWorld(t)
	_, code, err := w.server.Add(t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(h http.Handler, path string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rec := &recorder{header: http.Header{}}
			h.ServeHTTP(rec, r)
			body := rec.body.Bytes()
			if strings.Contains(r.URL.Path, path) && rec.status < 300 {
				i := bytes.Index(body, []byte(`"signature":"`)) + len(`"signature":"`)
				body[i] ^= 1
			}
			for k, v := range rec.header {
				rw.Header()[k] = v
			}
			rw.WriteHeader(rec.status)
			rw.Write(body)
		})
	}
	w.front.serve(flip(w.server, "/enrol"))
	if _, err := Enrol(t.Context(), w.http.URL, code.Reveal(), w.state, ""); err == nil {
		t.Fatal("an altered enrolment was believed")
	}
	w.front.serve(w.server)
	if _, err := Enrol(t.Context(), w.http.URL, code.Reveal(), w.state, ""); err != nil {
		t.Fatalf("the same code and key again: %v", err)
	}
	a := wavFile(t, w.from, "a.wav", 1, 2)
	w.front.serve(flip(w.server, "/uploads/"))
	if _, err := w.collect(func(o *Options) { o.After, o.Patience = Delete, time.Millisecond }); err == nil || !exists(a) {
		t.Fatalf("a forged receipt was believed: %v", err)
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// A vanished bucket is trouble of the server's: the box waits, nothing is lost.
func TestVanishedBucketIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "a.wav", 1, 2)
	away := filepath.Join(w.dir, "objects1.away")
	if err := os.Rename(filepath.Join(w.dir, "objects1"), away); err != nil {
		t.Fatal(err)
	}
	_, err := w.collect(func(o *Options) { o.After, o.Patience = Delete, time.Millisecond })
	if err == nil || !exists(a) {
		t.Fatalf("got %v", err)
	}
	os.RemoveAll(filepath.Join(w.dir, "objects1"))
	if err := os.Rename(away, filepath.Join(w.dir, "objects1")); err != nil {
		t.Fatal(err)
	}
	w.mustCollect(func(o *Options) { o.After = Delete })
	if len(w.archived()) != 1 || exists(a) {
		t.Fatal("it did not go on")
	}
}
