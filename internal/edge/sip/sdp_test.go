package sip

import (
	"net/netip"
	"strings"
	"testing"
)

// The answer has a line for each line of the offer, in its place, and can be read
// again; whatever the offer was.
func FuzzSDP(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=label:1\r\na=sendonly"))
	f.Add([]byte("m=audio 1 RTP/SAVP 8\na=crypto:1 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==|2^31|1:1\nm=\nm=video 0\na=rtpmap:8 PCMA/8000/1"))
	f.Add([]byte("m=audio 9/2 RTP/AVP 96\r\nc=IN IP6 ::1/3\r\na=rtpmap:96 pcmu/8000\r\na=label:x\r\na=inactive"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseSDP(text)
		if err != nil {
			return
		}
		all := choose(o, len(text)%2 == 0)
		for i := range all {
			if all[i].at = 20000 + 2*i; all[i].taken != (all[i].why == "") {
				t.Fatal("taken and refused at once")
			}
		}
		again, err := parseSDP(answerSDP(netip.MustParseAddr("192.0.2.9"), 1, 1, all))
		if err != nil || len(again.lines) != len(o.lines) {
			t.Fatalf("%d lines became %d: %v", len(o.lines), len(again.lines), err)
		}
		for i, l := range again.lines {
			if (l.port != 0) != all[i].taken {
				t.Errorf("line %d: port %d", i, l.port)
			}
		}
	})
}

// What is held sends nothing for now. What the client has paused is silent, whatever
// it sends; a client that says recvonly has its directions wrong, and no pause.
func TestHeldLines(t *testing.T) {
	head := "v=0\r\nc=IN IP4 192.0.2.1\r\n"
	for text, is := range map[string]struct{ held, silent bool }{
		head + "m=audio 4000 RTP/AVP 8\r\n":                                   {},
		head + "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n":                     {},
		head + "a=inactive\r\nm=audio 4000 RTP/AVP 8\r\n":                     {true, true},
		head + "m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n":                     {true, false},
		head + "m=audio 0 RTP/AVP 8\r\n":                                      {true, true},
		head + "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n":               {true, true},
		head + "m=audio 4000 RTP/AVP 8\r\na=record:paused\r\n":                {true, true},
		head + "m=audio 4000 RTP/AVP 8\r\na=record:OFF\r\n":                   {true, true},
		head + "m=audio 4000 RTP/AVP 8\r\na=record:on\r\n":                    {},
		head + "a=record:paused\r\nm=audio 4000 RTP/AVP 8\r\n":                {true, true},
		head + "a=record:paused\r\nm=audio 4000 RTP/AVP 8\r\na=record:on\r\n": {},
		strings.ReplaceAll(head, "\r", "") + "m=audio 1 RTP/AVP 8\n\n":        {},
	} {
		o, err := parseSDP([]byte(text))
		if err != nil || o.lines[0].held() != is.held || o.lines[0].silent() != is.silent {
			t.Errorf("%q: %v %v", text, o.lines, err)
		}
	}
}
