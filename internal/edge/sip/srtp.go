package sip

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/pion/srtp/v3"
)

// suite is one way to encrypt sound (RFC 4568 §6.2, RFC 7714 §14.2).
type suite struct {
	name    string
	key     int
	salt    int
	profile srtp.ProtectionProfile
}

// suites, the one we prefer first.
var suites = []suite{
	{"AEAD_AES_256_GCM", 32, 12, srtp.ProtectionProfileAeadAes256Gcm},
	{"AEAD_AES_128_GCM", 16, 12, srtp.ProtectionProfileAeadAes128Gcm},
	{"AES_CM_128_HMAC_SHA1_80", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_80},
	{"AES_CM_128_HMAC_SHA1_32", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_32},
}

// crypto is one a=crypto line.
type crypto struct {
	tag   string
	suite suite
	key   []byte
	salt  []byte
}

// readCrypto reads a line whose suite is known. One with session parameters is
// not taken: some of them turn encryption or authentication off (RFC 4568 §6.3),
// and a middleman could add them. Nor is one with a key identifier: its packets
// carry bytes that we would have to guess.
func readCrypto(value string) (crypto, bool) {
	f := strings.Fields(value)
	if len(f) != 3 || len(f[0]) > 9 || strings.Trim(f[0], "0123456789") != "" {
		return crypto{}, false
	}
	inline, ok := strings.CutPrefix(f[2], "inline:")
	text, params, _ := strings.Cut(inline, "|")
	if !ok || strings.Contains(params, ":") {
		return crypto{}, false
	}
	for _, s := range suites {
		if !strings.EqualFold(s.name, f[1]) {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			b, err = base64.RawStdEncoding.DecodeString(text)
		}
		if err != nil || len(b) != s.key+s.salt {
			return crypto{}, false
		}
		return crypto{f[0], s, b[:s.key], b[s.key:]}, true
	}
	return crypto{}, false
}

// chooseCrypto takes the strongest that is offered, and draws a key of our own
// for what we send (RTCP).
func chooseCrypto(offered []crypto) (theirs, ours *crypto) {
	for _, s := range suites {
		for i := range offered {
			if offered[i].suite.name != s.name {
				continue
			}
			b := make([]byte, s.key+s.salt)
			rand.Read(b)
			return &offered[i], &crypto{offered[i].tag, s, b[:s.key], b[s.key:]}
		}
	}
	return nil, nil
}

// replayWindow is how far back a packet may lie; what came once does not again.
const replayWindow = 512

func (c *crypto) context() (*srtp.Context, error) {
	return srtp.CreateContext(c.key, c.salt, c.suite.profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
}
