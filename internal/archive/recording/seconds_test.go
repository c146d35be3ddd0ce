package recording_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
)

// A length is written with no more digits than it was measured with: 1.872, not
// 1.8719999999999999.
func TestLengthsAreWrittenToTheMillisecond(t *testing.T) {
	for ms := range int64(20_000) {
		d := time.Duration(ms) * time.Millisecond
		text, err := json.Marshal(recording.Seconds(d))
		if want := strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64); err != nil || string(text) != want || len(want) > 6 {
			t.Fatalf("%d ms: %s, want %s, %v", ms, text, want, err)
		}
	}
	for d, want := range map[time.Duration]string{
		1_871_999_999: "1.872", 400 * time.Microsecond: "0", 500 * time.Microsecond: "0.001", -1500 * time.Millisecond: "-1.5", 400 * time.Hour: "1440000",
	} {
		if text, err := json.Marshal(recording.Seconds(d)); err != nil || string(text) != want {
			t.Errorf("%v: %s, want %s, %v", d, text, want, err)
		}
	}
	if got := recording.Minutes(1872 * time.Millisecond); got != 0.031 {
		t.Errorf("%v minutes", got)
	}
}
