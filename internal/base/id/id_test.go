package id_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"ringfence/internal/base/id"
)

func TestTextFormRoundTrips(t *testing.T) {
	r := id.New[id.Recording]()
	got, err := id.Parse[id.Recording](r.String())
	if err != nil || got != r {
		t.Fatalf("Parse(%q) = %v, %v", r, got, err)
	}
	if _, err := id.Parse[id.Call](r.String()); !errors.Is(err, id.ErrMalformed) {
		t.Fatalf("a recording's id was taken for a call's: %v", err)
	}
}

func TestMalformedTextIsRefused(t *testing.T) {
	good := id.New[id.Call]().String()
	for _, s := range []string{"", "cal_", good[:len(good)-1], good + "0", "cal_UPPERCASE", good[:29] + "z", "call" + good[3:]} {
		if _, err := id.Parse[id.Call](s); !errors.Is(err, id.ErrMalformed) && s != good {
			t.Errorf("Parse(%q) = %v, want ErrMalformed", s, err)
		}
	}
}

func TestIdsSortInTheOrderOfTheirMaking(t *testing.T) {
	prev := id.New[id.Event]()
	for range 10_000 {
		next := id.New[id.Event]()
		if bytes.Compare(prev[:], next[:]) >= 0 {
			t.Fatalf("%v does not sort before %v", prev, next)
		}
		prev = next
	}
}

func TestTimeIsKept(t *testing.T) {
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	if got := id.At[id.Job](at).Time(); !got.Equal(at) {
		t.Fatalf("Time() = %v, want %v", got, at)
	}
}

func TestZeroIsNull(t *testing.T) {
	var z id.Source
	if v, err := z.Value(); v != nil || err != nil {
		t.Fatalf("Value() = %v, %v", v, err)
	}
	if err := z.Scan(nil); err != nil || !z.IsZero() {
		t.Fatal("NULL did not scan into the zero id")
	}
	if err := z.Scan([]byte("short")); !errors.Is(err, id.ErrMalformed) {
		t.Fatalf("Scan of five bytes: %v", err)
	}
}
