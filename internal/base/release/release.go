// Package release says which release of Ringfence a program is, and compares
// releases. A program is stamped when it is built:
//
//	-ldflags "-X ringfence/internal/base/release.number=0.4.0
//	          -X ringfence/internal/base/release.commit=…
//	          -X ringfence/internal/base/release.key=…"
//
// Without a stamp the number is the one that stands here, and the commit comes
// from the build itself.
package release

import (
	"cmp"
	"errors"
	"runtime/debug"
	"strconv"
	"strings"
)

// The stamp.
var (
	number = "0.4.0"
	commit = ""
	key    = "" // minisign public key of whoever builds releases; "": none is built in
)

// Number is the release that this program is.
func Number() string { return number }

// String is how the program names itself: "ringfence 0.4.0 (1a2b3c4d5e6f)".
func String() string {
	if c := Commit(); c != "" {
		return "ringfence " + number + " (" + c[:min(12, len(c))] + ")"
	}
	return "ringfence " + number
}

// Compare is negative if the first of two numbers is the older one.
func Compare(a, b string) (int, error) {
	x, err := Parse(a)
	if err != nil {
		return 0, err
	}
	y, err := Parse(b)
	return x.Compare(y), err
}

// Own is the release that this program is. A stamp that is no number counts as
// the oldest there is, so that anything may follow it.
func Own() Version {
	v, err := Parse(number)
	if err != nil {
		return Version{}
	}
	return v
}

// Key is the public key that upgrades of this program are signed with, or "".
func Key() string { return key }

// Commit is what the program was built from, or "".
func Commit() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}

// Version is a release's number: semantic versioning without build metadata.
type Version struct {
	Major, Minor, Patch int
	Before              string // what comes before the release: "dev", "rc1"; "": the release itself
}

var errVersion = errors.New("want a release such as 1.4.2")

// Parse reads a number such as 1.4.2 or 1.4.2-rc1. Leading zeros and numbers
// beyond five digits are refused: a number has one way to be written, as it
// stands in file names and signatures.
func Parse(s string) (v Version, err error) {
	main, before, cut := strings.Cut(s, "-")
	if len(s) > 40 || cut && (before == "" || strings.Trim(before, "abcdefghijklmnopqrstuvwxyz0123456789.") != "") {
		return Version{}, errVersion
	}
	parts := strings.Split(main, ".")
	if len(parts) != 3 {
		return Version{}, errVersion
	}
	for i, into := range []*int{&v.Major, &v.Minor, &v.Patch} {
		p := parts[i]
		if p == "" || len(p) > 5 || len(p) > 1 && p[0] == '0' || strings.Trim(p, "0123456789") != "" {
			return Version{}, errVersion
		}
		if *into, err = strconv.Atoi(p); err != nil {
			return Version{}, errVersion
		}
	}
	v.Before = before
	return v, nil
}

func (v Version) String() string {
	s := strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) + "." + strconv.Itoa(v.Patch)
	if v.Before != "" {
		s += "-" + v.Before
	}
	return s
}

// IsZero reports whether v is no release at all.
func (v Version) IsZero() bool { return v == Version{} }

// Compare is negative if v is older than o, positive if newer.
func (v Version) Compare(o Version) int {
	switch {
	case v.Before == o.Before:
		return v.main(o)
	case v.Before == "":
		return cmp.Or(v.main(o), 1)
	case o.Before == "":
		return cmp.Or(v.main(o), -1)
	}
	return cmp.Or(v.main(o), compareBefore(v.Before, o.Before))
}

func (v Version) main(o Version) int {
	return cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch))
}

// compareBefore is Semantic Versioning 2.0 §11.4: part by part, numbers as
// numbers and before words; the longer one wins if all else is equal.
func compareBefore(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		c := 0
		switch {
		case errM == nil && errN == nil:
			c = cmp.Compare(m, n)
		case errM == nil:
			c = -1
		case errN == nil:
			c = 1
		default:
			c = strings.Compare(x[i], y[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}
