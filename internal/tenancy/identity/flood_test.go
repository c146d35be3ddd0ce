package identity

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

var system = actor.ForSystem("test")

const goodPassword = "violet tractor mends nine kites"

// quick is a service whose hashes cost little and whose pauses are only
// counted, so that ten thousand sign-ins take seconds.
func quick(t testing.TB) (s *Service, paused *atomic.Int64) {
	store := placetest.New(t, place.Schemas{
		Registry: append(org.Migrations(), RegistryMigrations()...), Place: PlaceMigrations(), Housekeeping: Housekeeping(),
	})
	s = New(Options{Store: store, Mail: &mail.Mailbox{}})
	s.hasher.time, s.hasher.memory = 1, 8
	s.dummy = make([]byte, hashHeader+saltLength+hashLength)
	s.dummy[0] = hashVersion
	binary.BigEndian.PutUint32(s.dummy[1:], 1)
	binary.BigEndian.PutUint32(s.dummy[5:], 8)
	s.dummy[9] = 1
	rand.Read(s.dummy[hashHeader:])
	paused = &atomic.Int64{}
	s.pause = func(_ context.Context, d time.Duration) error {
		paused.Add(int64(d))
		return nil
	}
	_, err := s.Add(t.Context(), system, "anna@example.com", "Anna Example", secret.NewText(goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	return s, paused
}

func address(a, b byte) Origin {
	return Origin{Address: netip.AddrFrom4([4]byte{198, a, b, 1}), Agent: "Browser/1"}
}

// Ten thousand wrong sign-ins from a hundred addresses leave a right one from
// elsewhere under a second, pauses included.
func TestAFloodOfGuessesHoldsNobodyUp(t *testing.T) {
	s, paused := quick(t)
	var limited atomic.Int64
	var all sync.WaitGroup
	for a := range byte(100) {
		all.Go(func() {
			for range 100 {
				_, err := s.SignIn(t.Context(), "anna@example.com", secret.NewText("wrong"), address(a, 0))
				switch {
				case fault.Is(err, fault.Limited):
					limited.Add(1)
				case !fault.Is(err, fault.Unauthenticated):
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := limited.Load(); n < 8000 {
		t.Errorf("only %d of 10,000 were slowed", n)
	}
	paused.Store(0)
	begun := time.Now()
	step, err := s.SignIn(t.Context(), "anna@example.com", secret.NewText(goodPassword), address(200, 0))
	took := time.Since(begun) + time.Duration(paused.Load())
	if err != nil || len(step.Ways) == 0 || took >= 5*time.Second { // a busy machine; the second is held by the benchmark
		t.Errorf("a right one from elsewhere took %v: %v", took, err)
	}
	t.Logf("%v, of which %v is the pause", took, time.Duration(paused.Load()))
}

// While guesses wait for each other, somebody from elsewhere does not wait.
func TestSuspectsQueueBehindThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hasher{slots: make(chan struct{}, 4), suspects: make(chan struct{}, 2), wait: 5 * time.Second, time: 1, memory: 8}
		stored, err := h.hash(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		for range 50 { // each holds its turn until released
			go h.queue(t.Context(), h.suspects, func() { _ = h.do(t.Context(), func() { <-release }) })
		}
		synctest.Wait()
		begun := time.Now()
		if ok, err := h.matchesFor(t.Context(), false, stored, "x"); !ok || err != nil || time.Since(begun) != 0 {
			t.Errorf("%v, %v after %v", ok, err, time.Since(begun))
		}
		if _, err := h.matchesFor(t.Context(), true, stored, "x"); !fault.Is(err, fault.Limited) {
			t.Errorf("a suspect came before the others: %v", err)
		}
		close(release)
		synctest.Wait()
	})
}

// A remembered browser has a bucket of its own: whoever empties that of its
// network does not keep it out.
func TestOthersInTheNetworkDoNotLockOutARememberedBrowser(t *testing.T) {
	s, _ := quick(t)
	from := address(1, 1)
	p, _, err := s.credential(t.Context(), "anna@example.com")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Begin(t.Context(), p.ID, Proof{Methods: []Method{ByPassword, ByMail}}, from)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.Trust(t.Context(), signed.Session, p.ID, signed.Proof, from)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		_, err = s.SignIn(t.Context(), "anna@example.com", secret.NewText("wrong"), from)
	}
	if !fault.Is(err, fault.Limited) {
		t.Fatal(err)
	}
	from.Browser = token
	if step, err := s.SignIn(t.Context(), "anna@example.com", secret.NewText(goodPassword), from); err != nil || len(step.Ways) > 0 {
		t.Errorf("the remembered browser: %v", err)
	}
}

// The answer to a long password comes as soon as the answer to a short one: it
// is refused before anything looks at it, and what is scored is bounded.
func TestALongPasswordTakesNoLonger(t *testing.T) {
	s, _ := quick(t)
	s.hasher.time, s.hasher.memory = argonTime, argonMemory
	fastest := func(password string) time.Duration {
		best := time.Hour
		for i := range 5 {
			begun := time.Now()
			_, err := s.SignIn(t.Context(), "anna@example.com", secret.NewText(password), address(7, byte(i)))
			best = min(best, time.Since(begun))
			if err == nil {
				t.Fatal("signed in")
			}
		}
		return best
	}
	short, long := fastest("wrong"), fastest(string(make([]byte, 1000)))
	if d := long - short; d > 100*time.Millisecond {
		t.Errorf("1,000 characters take %v, 5 take %v", long, short)
	}
	check := func(n int) time.Duration {
		text := ""
		for i := range n {
			text += fmt.Sprintf("%c", 'a'+(i*7)%26)
		}
		begun := time.Now()
		_ = s.checkPassword(t.Context(), "password", secret.NewText(text))
		return time.Since(begun)
	}
	check(72)
	if short, long := check(72), check(1000); long-short > 100*time.Millisecond {
		t.Errorf("to judge 1,000 characters takes %v, 72 take %v", long, short)
	}
}
