package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/secret"
)

// secretPrefix marks a secret, so that scanners of source code find leaked ones.
const secretPrefix = "whsec_"

// newSecret makes 256 random bits; Standard Webhooks asks for 192 to 512.
func newSecret() secret.Text {
	b := make([]byte, 32)
	rand.Read(b)
	return secret.NewText(secretPrefix + base64.StdEncoding.EncodeToString(b))
}

// sign gives the header webhook-signature: one signature for each secret that
// counts, so that a receiver that knows either accepts the message.
func sign(message string, at time.Time, body []byte, secrets ...secret.Text) (string, error) {
	var all []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return "", err
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(message + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " "), nil
}
