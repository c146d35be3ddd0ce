package sip

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// client is a recording client as simple as can be: it writes text and reads
// text, so that nothing of our own library hides a fault in it.
type client struct {
	testing.TB
	conn      net.Conn
	transport string
	to        string // of the request line
	id, tag   string
	theirs    string // tag of the server
	number    int
	pending   string // what was read and not used
	media     []*net.UDPConn
	ports     []int // of the server
	keys      []*crypto
	spoke     time.Time // first packet of all
	sent      int       // packets of each stream
	ticks     int       // of 20 ms, of their clock
}

func dial(t testing.TB, transport, address, user string, conf *tls.Config) *client {
	t.Helper()
	c := &client{TB: t, transport: strings.ToUpper(transport), id: fmt.Sprintf("%d@test", time.Now().UnixNano()), tag: "t1", number: 0}
	var err error
	switch transport {
	case "tls":
		c.conn, err = tls.Dial("tcp", address, conf)
	default:
		c.conn, err = net.Dial(transport, address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	c.to = "sip:" + user + "@" + address
	return c
}

// send writes a request; headers are whole lines.
func (c *client) send(method string, number int, body, kind string, headers ...string) {
	c.Helper()
	to := "<" + c.to + ">"
	if c.theirs != "" {
		to += ";tag=" + c.theirs
	}
	lines := []string{
		method + " " + c.to + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;rport;branch=z9hG4bK%d", c.transport, c.conn.LocalAddr(), time.Now().UnixNano()),
		"From: <sip:src@test>;tag=" + c.tag, "To: " + to, "Call-ID: " + c.id, fmt.Sprintf("CSeq: %d %s", number, method),
		fmt.Sprintf("Contact: <sip:src@%s;transport=%s>;+sip.src", c.conn.LocalAddr(), strings.ToLower(c.transport)), "Max-Forwards: 70",
	}
	lines = append(lines, headers...)
	if body != "" {
		lines = append(lines, "Content-Type: "+kind)
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	if _, err := c.conn.Write([]byte(strings.Join(lines, "\r\n"))); err != nil {
		c.Fatal(err)
	}
}

var length = regexp.MustCompile(`(?i)\r\nContent-Length: *(\d+)`)

// read gives the next message, or "" if none comes in time.
func (c *client) read(wait time.Duration) string {
	c.Helper()
	end := time.Now().Add(wait)
	buf := make([]byte, 65536)
	for {
		if head, rest, ok := strings.Cut(c.pending, "\r\n\r\n"); ok {
			n := 0
			if m := length.FindStringSubmatch(head); m != nil {
				n, _ = strconv.Atoi(m[1])
			}
			if len(rest) >= n {
				c.pending = rest[n:]
				return head + "\r\n\r\n" + rest[:n]
			}
		}
		c.conn.SetReadDeadline(end)
		n, err := c.conn.Read(buf)
		if err != nil {
			return ""
		}
		c.pending += string(buf[:n])
	}
}

var toHeader = regexp.MustCompile(`(?i)\r\nTo:[^\r]*;tag=([^;\r]+)`)

// answer waits for the final answer to a request and gives its number and text.
func (c *client) answer(method string) (int, string) {
	c.Helper()
	for {
		text := c.read(5 * time.Second)
		if text == "" {
			return 0, ""
		}
		if !strings.HasPrefix(text, "SIP/2.0 ") || !strings.Contains(text, " "+method+"\r\n") {
			continue
		}
		code, _ := strconv.Atoi(text[8:11])
		if code < 200 {
			continue
		}
		if m := toHeader.FindStringSubmatch(text); m != nil && code < 300 {
			c.theirs = m[1]
		}
		return code, text
	}
}

const metadataOf = `<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>
<session session_id="s1"><sipSessionID>%s</sipSessionID></session>
<participant participant_id="p1"><nameID aor="sip:+442079460123@x"/></participant><participant participant_id="p2"><nameID aor="sip:201@x"/></participant>
<stream stream_id="a"><label>1</label></stream><stream stream_id="b"><label>2</label></stream>
<participantstreamassoc participant_id="p1"><send>a</send></participantstreamassoc><participantstreamassoc participant_id="p2"><send>b</send></participantstreamassoc></recording>`

// offerOf makes sockets for streams and describes them.
func (c *client) offerOf(streams int, suiteName, dir string) string {
	c.Helper()
	b := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	for i := range streams {
		if i == len(c.media) {
			m, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				c.Fatal(err)
			}
			c.Cleanup(func() { m.Close() })
			c.media = append(c.media, m)
			_, own := chooseCrypto([]crypto{{tag: "1", suite: suiteOf(suiteName)}})
			c.keys = append(c.keys, own)
		}
		profile := "RTP/AVP"
		if suiteName != "" {
			profile = "RTP/SAVP"
		}
		b += fmt.Sprintf("m=audio %d %s 8\r\na=rtpmap:8 PCMA/8000\r\na=%s\r\na=label:%d\r\n", c.media[i].LocalAddr().(*net.UDPAddr).Port, profile, dir, i+1)
		if suiteName != "" {
			k := c.keys[i]
			b += fmt.Sprintf("a=crypto:1 %s inline:%s|2^31\r\n", suiteName, base64.StdEncoding.EncodeToString(append(append([]byte{}, k.key...), k.salt...)))
		}
	}
	return b
}

func suiteOf(name string) suite {
	for _, s := range suites {
		if s.name == name {
			return s
		}
	}
	return suites[0]
}

func (c *client) body(sdp string) (body, kind string) {
	return "--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp + "\r\n--b\r\nContent-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n\r\n" + fmt.Sprintf(metadataOf, c.id) + "\r\n--b--\r\n", "multipart/mixed;boundary=b"
}

var mediaLine = regexp.MustCompile(`(?m)^m=audio (\d+)`)

// invite offers streams and learns where they go; it confirms a 200.
func (c *client) invite(sdp string, headers ...string) (int, string) {
	c.Helper()
	body, kind := c.body(sdp)
	c.number++
	c.send("INVITE", c.number, body, kind, append(headers, "Require: siprec")...)
	code, text := c.answer("INVITE")
	if code == 200 {
		c.ports = nil
		for _, m := range mediaLine.FindAllStringSubmatch(text, -1) {
			p, _ := strconv.Atoi(m[1])
			c.ports = append(c.ports, p)
		}
		c.send("ACK", c.number, "", "")
	} else if code >= 300 {
		c.send("ACK", c.number, "", "")
	}
	return code, text
}

func (c *client) bye() (int, string) {
	c.Helper()
	c.number++
	c.send("BYE", c.number, "", "")
	return c.answer("BYE")
}

// talk sends a tone in each stream, in real time.
func (c *client) talk(d time.Duration, hz ...float64) {
	c.Helper()
	out := make([]*srtp.Context, len(hz))
	tones := make([][]byte, len(hz))
	for i, f := range hz {
		tones[i] = tone(f, d)
		if c.keys[i] != nil && strings.Contains(c.transport, "TLS") {
			out[i], _ = c.keys[i].context()
		}
	}
	begun := time.Now()
	if c.sent == 0 {
		c.spoke = begun
	}
	// The clock of a stream goes on while nothing is sent (RFC 3550 §5.1).
	c.ticks = max(c.ticks, int(begun.Sub(c.spoke)/(20*time.Millisecond)))
	for n := range int(d / (20 * time.Millisecond)) {
		time.Sleep(time.Until(begun.Add(time.Duration(n) * 20 * time.Millisecond)))
		for i := range hz {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: uint16(c.sent), Timestamp: uint32(c.ticks * 160), SSRC: uint32(i + 1)}, Payload: tones[i][n*160 : n*160+160]}
			b, err := p.Marshal()
			if err == nil && out[i] != nil {
				b, err = out[i].EncryptRTP(nil, b, nil)
			}
			if err != nil {
				c.Fatal(err)
			}
			c.media[i].WriteToUDPAddrPort(b, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.ports[i])))
		}
		c.sent, c.ticks = c.sent+1, c.ticks+1
	}
}

// authorize answers a challenge.
func authorize(text, user, secret, method, uri string) string {
	m := regexp.MustCompile(`(?i)\r\nWWW-Authenticate: ([^\r]*SHA-256[^\r]*)`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	ch, err := digest.ParseChallenge(m[1])
	if err != nil {
		return ""
	}
	cred, err := digest.Digest(ch, digest.Options{Method: method, URI: uri, Username: user, Password: secret, Count: 1})
	if err != nil {
		return ""
	}
	return "Authorization: " + cred.String()
}

func itoa(n int) string { return strconv.Itoa(n) }
