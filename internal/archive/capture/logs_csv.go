package capture

import (
	"errors"
	"strings"
)

// Faults of a single line. They are told with the line's number; the next line is read as if nothing had been.
var (
	errQuote = errors.New("a quotation mark is not closed")
	errAfter = errors.New("text follows a closing quotation mark")
)

// splitCSV cuts one line into fields (RFC 4180, but a record never spans lines: one stray quotation mark must not swallow the rest of a
// log). The fields share the line's memory unless they hold quotation marks. dst is reused.
func splitCSV(line string, dst []string) ([]string, error) {
	dst = dst[:0]
	for {
		if !strings.HasPrefix(line, `"`) {
			i := strings.IndexByte(line, ',')
			if i < 0 {
				return append(dst, line), nil
			}
			dst, line = append(dst, line[:i]), line[i+1:]
			continue
		}
		field, rest, err := quoted(line[1:])
		if err != nil {
			return dst, err
		}
		dst = append(dst, field)
		if rest == "" {
			return dst, nil
		}
		if rest[0] != ',' {
			return dst, errAfter
		}
		line = rest[1:]
	}
}

// quoted reads up to the closing quotation mark; two in a row stand for one.
func quoted(s string) (field, rest string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", errQuote
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteString(s[:i+1])
			s = s[i+2:]
			continue
		}
		if b.Len() == 0 {
			return s[:i], s[i+1:], nil
		}
		b.WriteString(s[:i])
		return b.String(), s[i+1:], nil
	}
}

// pool keeps one copy of each text that comes again and again in a log, so that what is kept of a line does not keep the whole line.
type pool map[string]string

// poolLimit bounds the pool; it is emptied when full, which costs nothing but a few copies.
const poolLimit = 1 << 15

func (p pool) text(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := p[s]; ok {
		return t
	}
	if len(p) >= poolLimit {
		clear(p)
	}
	t := strings.Clone(s)
	p[t] = t
	return t
}
