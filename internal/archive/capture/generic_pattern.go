package capture

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ringfence/internal/base/fault"
)

// A pattern says what the parts of a file's name mean:
//
//	{started:20060102-150405}_{caller}_{dialled}_{extension}
//
// Text outside braces must stand in the name as it is; {part} takes as little as possible up to the text that follows; {started:LAYOUT}
// takes a time in the layout of Go's time package, {started:unix} seconds since 1970; {_} takes anything and leaves it. A slash separates
// folders: a pattern with one is matched against the end of the path, else against the name alone. The ending of the file is not matched.
type pattern struct {
	parts   []patternPart
	folders int
}

type patternPart struct {
	name   string // "" for literal text
	text   string // literal text, or the layout of a time
	length int    // of a time in a fixed layout
}

// patternNames are the parts that a name can have, with what they mean.
var patternNames = []string{"started", "ended", "caller", "caller_name", "dialled", "extension", "agent", "queue", "direction", "id", "side", "seconds", "_"}

// parsePattern reads a pattern. Faults name the place.
func parsePattern(s string) (*pattern, error) {
	bad := func(at int, format string, args ...any) error {
		return fault.New(fault.Invalid, "at character %d of the pattern: %s", at+1, fmt.Sprintf(format, args...))
	}
	if s == "" || len(s) > 500 || !utf8.ValidString(s) {
		return nil, fault.New(fault.Invalid, "the pattern must be text of 1 to 500 bytes")
	}
	p := &pattern{folders: strings.Count(s, "/")}
	var used []string
	for at := 0; at < len(s); {
		if s[at] == '}' {
			return nil, bad(at, "a closing brace without an opening one")
		}
		if s[at] != '{' {
			end := at + strings.IndexAny(s[at:]+"{", "{}")
			p.parts = append(p.parts, patternPart{text: s[at:end]})
			at = end
			continue
		}
		end := strings.IndexByte(s[at:], '}')
		if end < 0 {
			return nil, bad(at, "the brace is not closed")
		}
		name, layout, timed := strings.Cut(s[at+1:at+end], ":")
		switch {
		case !slices.Contains(patternNames, name):
			return nil, bad(at, "%q is no part; there are %s", clipped(name), strings.Join(patternNames, ", "))
		case name != "_" && slices.Contains(used, name):
			return nil, bad(at, "%s is there twice", name)
		case timed != (name == "started" || name == "ended"):
			return nil, bad(at, "a time needs a layout, as in {started:20060102-150405}; other parts have none")
		case timed && layout != "unix" && !layoutHolds(layout):
			return nil, bad(at, "%q is no layout of a date and time; write 2006 for the year, 01 month, 02 day, 15 hour, 04 minute, 05 second", clipped(layout))
		case len(p.parts) > 0 && p.parts[len(p.parts)-1].name != "" && !timed && p.parts[len(p.parts)-1].length == 0:
			return nil, bad(at, "two parts need text between them")
		}
		part := patternPart{name: name, text: layout}
		if timed && layout != "unix" {
			part.length = len(layout)
		}
		used = append(used, name)
		p.parts = append(p.parts, part)
		at += end + 1
	}
	if len(used) == 0 {
		return nil, fault.New(fault.Invalid, "the pattern names no part, for example {started:20060102-150405}_{caller}")
	}
	return p, nil
}

// layoutHolds reports a layout that keeps a date to the second and always has the same length.
func layoutHolds(layout string) bool {
	t := time.Date(2031, time.November, 28, 17, 46, 59, 0, time.UTC)
	s := t.Format(layout)
	back, err := time.Parse(layout, s)
	return err == nil && len(s) == len(layout) && back.Equal(t)
}

// match reads a name, without its ending. Nothing is taken from a name that does not fit as a whole.
func (p *pattern) match(name string) (map[string]string, bool) {
	if p.folders > 0 {
		parts := strings.Split(name, "/")
		name = strings.Join(parts[max(0, len(parts)-p.folders-1):], "/")
	} else {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	out := map[string]string{}
	tries := 0
	return out, p.fit(p.parts, name, out, &tries)
}

// maxTries bounds how often parts are tried at other lengths, so that no name costs much time.
const maxTries = 5000

func (p *pattern) fit(parts []patternPart, s string, out map[string]string, tries *int) bool {
	for len(parts) > 0 {
		part := parts[0]
		switch {
		case part.name == "":
			rest, ok := strings.CutPrefix(s, part.text)
			if !ok {
				return false
			}
			parts, s = parts[1:], rest
		case part.length > 0:
			if len(s) < part.length {
				return false
			}
			if _, err := time.Parse(part.text, s[:part.length]); err != nil {
				return false
			}
			out[part.name] = s[:part.length]
			parts, s = parts[1:], s[part.length:]
		case len(parts) == 1:
			if strings.Contains(s, "/") {
				return false
			}
			out[part.name] = s
			return true
		default:
			return p.stretch(parts, s, out, tries)
		}
	}
	return s == ""
}

// stretch takes a part as short as possible: the text after it is where it first fits.
func (p *pattern) stretch(parts []patternPart, s string, out map[string]string, tries *int) bool {
	for n := 0; n <= len(s) && *tries < maxTries; n++ {
		if n > 0 && s[n-1] == '/' {
			return false
		}
		*tries++
		if next := parts[1]; next.name == "" && !strings.HasPrefix(s[n:], next.text) {
			continue
		}
		if p.fit(parts[1:], s[n:], out, tries) {
			out[parts[0].name] = s[:n]
			return true
		}
	}
	return false
}
