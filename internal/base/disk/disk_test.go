package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOneProcessHoldsALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	h, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("taken twice: %v", err)
	}
	if err := h.Release(); err != nil {
		t.Fatal(err)
	}
	if h, err = Lock(path); err != nil {
		t.Fatal(err)
	}
	h.Release()
}

// What Windows answers, as it arrives: within a PathError.
func TestWhatWindowsAnswers(t *testing.T) {
	wrapped := func(n Errno) error { return fmt.Errorf("reading: %w", &fs.PathError{Op: "open", Path: "a", Err: n}) }
	for _, c := range []struct {
		err                 error
		busy, full, passing bool
	}{
		{wrapped(32), true, false, true},
		{wrapped(33), true, false, true},
		{wrapped(5), false, false, true},
		{wrapped(112), false, true, false},
		{wrapped(39), false, true, false},
		{wrapped(2), false, false, false},
		{wrapped(1224), false, false, true},
		{syscall.ENOSPC, false, true, false},
		{syscall.EPIPE, false, false, false}, // 32 elsewhere means another thing
		{nil, false, false, false},
	} {
		if Busy(c.err) != c.busy || Full(c.err) != c.full || passing(c.err) != c.passing {
			t.Errorf("%v: busy %v, full %v, passing %v", c.err, Busy(c.err), Full(c.err), passing(c.err))
		}
	}
}

// A file that a scanner has open is replaced a moment later; one that stays
// open is given up with the error that says so.
func TestReplacingWhileSomebodyReads(t *testing.T) {
	left, slept := 3, time.Duration(0)
	try := func(string, string) error {
		if left--; left >= 0 {
			return &os.LinkError{Op: "rename", Err: sharingViolation}
		}
		return nil
	}
	sleep := func(d time.Duration) { slept += d }
	if err := replace("a", "b", try, sleep); err != nil || slept == 0 {
		t.Fatalf("%v after %s", err, slept)
	}
	left, slept = 1_000_000, 0
	if err := replace("a", "b", try, sleep); !Busy(err) || slept < time.Second || slept > 5*time.Second {
		t.Fatalf("%v after %s", err, slept)
	}
	tries := 0
	gone := func(string, string) error { tries++; return fs.ErrNotExist }
	if err := replace("a", "b", gone, sleep); !errors.Is(err, fs.ErrNotExist) || tries != 1 {
		t.Fatalf("%v, tried %d times", err, tries)
	}
}

// The account of TrustedInstaller is the one that everybody knows.
func TestTheAccountOfAService(t *testing.T) {
	const want = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
	if got := ServiceSID("TrustedInstaller"); got != want {
		t.Fatal(got)
	}
}

func TestWhoAnAccessListLetsIn(t *testing.T) {
	me, own := "S-1-5-21-1-2-3-1001", ServiceSID(ServiceName)
	for list, fine := range map[string]bool{
		"O:BAG:SY" + protected(ServiceName):                       true,
		"D:PAI(A;;FA;;;SY)(A;;FA;;;BA)":                           true,
		"D:(A;;FA;;;" + me + ")(A;;FA;;;SY)":                      true,
		"D:AI(D;;FA;;;BU)(A;ID;FA;;;BA)":                          true, // a refusal lets nobody in
		"D:(A;;FA;;;SY)(A;;0x1200a9;;;BU)":                        false,
		"D:(A;;FR;;;WD)":                                          false,
		"D:(A;OICIIO;GA;;;AU)":                                    false,
		"D:(A;;FA;;;S-1-5-21-1-2-3-1002)":                         false,
		"D:(XA;;FR;;;WD;(@User.x))":                               false,
		"D:NO_ACCESS_CONTROL":                                     false,
		"O:BA":                                                    false,
		"D:(A;;FA)":                                               false,
		"D:P(A;;FA;;;SY)S:(AU;SAFA;FA;;;WD)":                      true, // who is watched is not let in
		"D:P(A;;FA;;;" + own + ")(OA;;CR;00299570;;WD)(A;;;;;BU)": false,
	} {
		if err := onlyFor(list, me, own); (err == nil) != fine {
			t.Errorf("%s: %v", list, err)
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Private(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Private(path); err == nil {
		t.Fatal("a file that a group reads counts as private")
	}
}

func TestNamesThatAreTheSame(t *testing.T) {
	if same("Monitor/A.WAV", true) != same("monitor/a.wav", true) || same("A", false) == same("a", false) {
		t.Fatal("case")
	}
}

func FuzzAccessList(f *testing.F) {
	f.Add("D:P(A;OICI;FA;;;SY)(A;;FR;;;WD)")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "S:") {
			return
		}
		if onlyFor("D:"+s+"(A;;FA;;;WD)", "x") == nil {
			t.Fatalf("everybody is let in by %q", s)
		}
	})
}
