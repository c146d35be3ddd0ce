package live_test

import (
	"errors"
	"fmt"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/place"
)

var ada, bob = id.New[id.Customer](), id.New[id.Customer]()

// drain reads what is queued.
func drain(s *live.Subscription) (got []live.Hint) {
	for {
		select {
		case h, ok := <-s.Hints():
			if !ok {
				return got
			}
			got = append(got, h)
		default:
			return got
		}
	}
}

func TestHintsReachTheirCustomerAndTopicOnly(t *testing.T) {
	h := live.NewHub()
	recordings, all, foreign := h.Subscribe(ada, "", "recordings"), h.Subscribe(ada, ""), h.Subscribe(bob, "")
	for _, s := range []*live.Subscription{recordings, all, foreign} {
		if got := drain(s); len(got) != 1 || !got[0].Reset {
			t.Fatalf("a new subscriber must read everything first: %v", got)
		}
	}
	h.Watch(place.Commit{Customer: ada, Topics: []string{"recordings rec_1", "attention"}})
	if got := drain(recordings); len(got) != 1 || got[0].Topic != "recordings" || got[0].ID != "rec_1" {
		t.Fatal(got)
	}
	if got := drain(all); len(got) != 2 {
		t.Fatal(got)
	}
	if got := drain(foreign); len(got) != 0 {
		t.Fatalf("a foreign customer heard %v", got)
	}
}

func TestWhoComesBackGetsWhatWasMissed(t *testing.T) {
	h := live.NewHub()
	s := h.Subscribe(ada, "")
	start := drain(s)[0].At
	s.Close()
	s.Close()
	for i := range 3 {
		h.Publish(ada, "recordings", fmt.Sprint(i))
	}
	got := drain(h.Subscribe(ada, start))
	if len(got) != 3 || got[0].ID != "0" || got[2].ID != "2" {
		t.Fatal(got)
	}
	if again := drain(h.Subscribe(ada, got[1].At)); len(again) != 1 || again[0].ID != "2" {
		t.Fatal(again)
	}
	if none := drain(h.Subscribe(ada, got[2].At)); len(none) != 0 {
		t.Fatal(none)
	}
	for range 300 {
		h.Publish(ada, "recordings", "")
	}
	for _, since := range []string{start, "other.3", "nonsense", got[2].At[:len(got[2].At)-1] + "99999"} {
		if got := drain(h.Subscribe(ada, since)); len(got) != 1 || !got[0].Reset {
			t.Fatalf("since %q: %d hints", since, len(got))
		}
	}
}

func TestASlowSubscriberIsClosedAndHoldsUpNobody(t *testing.T) {
	h := live.NewHub()
	slow, quick := h.Subscribe(ada, ""), h.Subscribe(ada, "")
	heard := 0
	for range 1000 {
		h.Publish(ada, "recordings", "")
		heard += len(drain(quick))
	}
	if heard != 1001 {
		t.Fatalf("the quick one heard %d", heard)
	}
	drain(slow)
	if _, open := <-slow.Hints(); open || !errors.Is(slow.Err(), live.ErrSlow) {
		t.Fatal("the slow one was not closed")
	}
	h.Stop()
	h.Stop()
	if _, open := <-quick.Hints(); open || !errors.Is(quick.Err(), live.ErrStopped) {
		t.Fatal("Stop did not end a subscription")
	}
	late := h.Subscribe(ada, "")
	if _, open := <-late.Hints(); open {
		t.Fatal("a subscription after Stop")
	}
}
