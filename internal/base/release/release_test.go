package release

import "testing"

func TestReleasesAreOrdered(t *testing.T) {
	order := []string{"0.0.0-dev", "0.1.0-rc.1", "0.1.0-rc.2", "0.1.0-rc.10", "0.1.0-rc.x", "0.1.0-rc.x.1", "0.1.0", "0.1.1", "0.2.0-dev", "0.2.0", "0.10.0", "1.0.0", "10.0.0"}
	for i, a := range order {
		for j, b := range order {
			x, errX := Parse(a)
			y, errY := Parse(b)
			if errX != nil || errY != nil || x.String() != a {
				t.Fatal(a, b, errX, errY)
			}
			if got := x.Compare(y); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

func TestWhatIsNoRelease(t *testing.T) {
	for _, s := range []string{"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-A", "1.2.3+b", "v1.2.3", "1.2.-3", "1.2.3/../x", "100000.0.0", "1..3", " 1.2.3"} {
		if v, err := Parse(s); err == nil {
			t.Errorf("%q is %s", s, v)
		}
	}
	if Own().IsZero() {
		t.Error("this program has no release")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.2.3-rc.1")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := Parse(s); err == nil && v.String() != s {
			t.Fatalf("%q is read as %s", s, v)
		}
	})
}
