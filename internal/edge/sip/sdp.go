package sip

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/fault"
)

// offer is what a recording client has said of its media (RFC 4566), as far as
// an answer needs it.
type offer struct {
	lines []line
}

// line is one m= line with its attributes.
type line struct {
	kind    string // audio, video
	port    int
	proto   string // RTP/AVP, RTP/SAVP, …
	formats []string
	address netip.Addr // zero: a name, or none
	label   string
	dir     string            // sendonly, recvonly, sendrecv, inactive
	codecs  map[string]string // by payload type: name/rate, in small letters
	mux     bool
	paused  bool // a=record:paused or off (RFC 7866 §6.2)
	cryptos []crypto
}

const maxLines = 64

// parseSDP reads a description. It takes line ends of either sort, a missing
// last one, and unknown lines; what cannot be read of a line is passed over.
func parseSDP(text []byte) (offer, error) {
	if len(text) > 64<<10 {
		return offer{}, fault.New(fault.TooLarge, "the description is longer than 64 KiB")
	}
	var o offer
	top := line{dir: "sendrecv"} // what holds for all lines
	cur := &top
	for raw := range bytes.Lines(text) {
		s := strings.TrimRight(string(raw), "\r\n \t")
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			continue
		}
		switch strings.TrimSpace(key) {
		case "m":
			if len(o.lines) == maxLines {
				return o, fault.New(fault.TooLarge, "the description has more than %d streams", maxLines)
			}
			o.lines = append(o.lines, readLine(value, top))
			cur = &o.lines[len(o.lines)-1]
		case "c":
			cur.address = readConnection(value)
		case "a":
			cur.attribute(value)
		}
	}
	if len(o.lines) == 0 {
		return o, fault.New(fault.Invalid, "the description has no stream")
	}
	return o, nil
}

func readLine(value string, top line) line {
	l := line{dir: top.dir, address: top.address, codecs: map[string]string{}, mux: top.mux, paused: top.paused}
	f := strings.Fields(value)
	if len(f) < 3 {
		return l
	}
	port, _, _ := strings.Cut(f[1], "/")
	l.kind, l.proto, l.formats = strings.ToLower(f[0]), strings.ToUpper(f[2]), f[3:]
	if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 65536 {
		l.port = n
	}
	return l
}

func readConnection(value string) netip.Addr {
	f := strings.Fields(value)
	if len(f) < 3 {
		return netip.Addr{}
	}
	host, _, _ := strings.Cut(f[2], "/")
	a, _ := netip.ParseAddr(host)
	return a.Unmap()
}

func (l *line) attribute(value string) {
	name, rest, _ := strings.Cut(value, ":")
	switch name {
	case "sendonly", "recvonly", "sendrecv", "inactive":
		l.dir = name
	case "label":
		l.label = strings.TrimSpace(rest)[:min(len(strings.TrimSpace(rest)), 100)]
	case "rtcp-mux":
		l.mux = true
	case "record":
		state := strings.ToLower(strings.TrimSpace(rest))
		l.paused = state == "paused" || state == "off"
	case "rtpmap":
		if pt, codec, ok := strings.Cut(strings.TrimSpace(rest), " "); ok && l.codecs != nil && len(l.codecs) < 64 {
			l.codecs[pt] = strings.ToLower(strings.TrimSpace(codec))
		}
	case "crypto":
		if c, ok := readCrypto(rest); ok {
			l.cryptos = append(l.cryptos, c)
		}
	}
}

// law gives the first format of G.711 that is offered, and its payload type.
// Everything else would have to be decoded by what we do not have, so it is not
// taken rather than kept as noise.
func (l line) law() (siprec.Law, uint8, bool) {
	for _, f := range l.formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(l.codecs[f], "/")
		rate := l.codecs[f]
		switch {
		case name == "pcma" && strings.HasPrefix(rate, "pcma/8000"), f == "8" && name == "":
			return siprec.ALaw, uint8(pt), true
		case name == "pcmu" && strings.HasPrefix(rate, "pcmu/8000"), f == "0" && name == "":
			return siprec.MuLaw, uint8(pt), true
		}
	}
	return 0, 0, false
}

// held reports whether nothing will be sent on the line for now.
func (l line) held() bool { return l.silent() || l.dir == "recvonly" }

// silent reports whether what comes on the line all the same is not to be kept:
// the client has paused it. A client that says recvonly from the beginning and
// sends has its directions wrong, and no pause.
func (l line) silent() bool {
	return l.paused || l.dir == "inactive" || l.port == 0 || l.address.IsValid() && l.address.IsUnspecified()
}

// secure reports whether the line is offered encrypted.
func (l line) secure() bool { return strings.Contains(l.proto, "SAVP") }

// choice is what we have decided about one line.
type choice struct {
	line
	taken   bool
	why     string // it is not taken
	codec   siprec.Law
	payload uint8
	crypto  *crypto // the client's, of an encrypted line
	own     *crypto // ours
	at      int     // our port
}

// choose decides about every line of an offer. Encrypted says that nothing else
// is taken.
func choose(o offer, encrypted bool) (all []choice) {
	for i, l := range o.lines {
		c := choice{line: l}
		var ok bool
		c.codec, c.payload, ok = l.law()
		switch {
		case l.kind != "audio":
			c.why = "it is no sound"
		case i >= siprec.MaxStreams:
			c.why = "there are too many streams"
		case !ok:
			c.why = "none of its codecs can be kept; offer PCMA or PCMU"
		case l.proto != "RTP/AVP" && l.proto != "RTP/AVPF" && !l.secure():
			c.why = "its transport is not known"
		case encrypted && !l.secure():
			c.why = "the source wants encrypted sound (RTP/SAVP)"
		case l.secure():
			if c.crypto, c.own = chooseCrypto(l.cryptos); c.crypto == nil {
				c.why = "none of its crypto suites is known"
			}
		}
		c.taken = c.why == ""
		all = append(all, c)
	}
	return all
}

// answerSDP writes the answer: every line in its place, what is not taken with
// port 0, and the client's labels (RFC 7866 §7.1.2).
func answerSDP(local netip.Addr, session uint64, version int, all []choice) []byte {
	family := "IP4"
	if local.Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", session, version, family, local, family, local)
	for _, c := range all {
		c.write(&b)
	}
	return []byte(b.String())
}

func (c choice) write(b *strings.Builder) {
	kind := c.kind
	if kind == "" || strings.ContainsAny(kind, " \r\n") {
		kind = "audio"
	}
	if !c.taken {
		format := "0"
		if len(c.formats) > 0 {
			format = c.formats[0]
		}
		fmt.Fprintf(b, "m=%s 0 %s %s\r\n", kind, orElse(c.proto, "RTP/AVP"), format)
		return
	}
	name := "PCMA"
	if c.codec == siprec.MuLaw {
		name = "PCMU"
	}
	fmt.Fprintf(b, "m=audio %d %s %d\r\na=rtpmap:%d %s/8000\r\n", c.at, c.proto, c.payload, c.payload, name)
	if c.dir == "inactive" || c.dir == "recvonly" {
		b.WriteString("a=inactive\r\n")
	} else {
		b.WriteString("a=recvonly\r\n")
	}
	if c.label != "" {
		fmt.Fprintf(b, "a=label:%s\r\n", c.label)
	}
	if c.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	if c.own != nil {
		fmt.Fprintf(b, "a=crypto:%s %s inline:%s\r\n", c.own.tag, c.own.suite.name, base64.StdEncoding.EncodeToString(slices.Concat(c.own.key, c.own.salt)))
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
