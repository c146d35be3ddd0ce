package webhook_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ringfence/internal/platform/webhook"
)

// The receivers that docs/webhooks.md shows accept what is ours, and nothing that
// was changed. What they are given was signed by the library of the standard.
func TestTheReceiversOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	receivers := map[string][]string{
		"go": {filepath.Join(dir, "receiver")},
		"js": {"node", filepath.Join(dir, "receiver.mjs")},
		"sh": {"sh", filepath.Join(dir, "receiver.sh")},
	}
	files := map[string]string{"go": "main.go", "js": "receiver.mjs", "sh": "receiver.sh"}
	for language, file := range files {
		block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(string(text))
		if block == nil {
			t.Fatalf("no receiver in %s", language)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", "receiver", "main.go")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const secret, body = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD8dPMMBLhL+s=", `{"type":"webhook.test","data":{"a":"ü"}}`
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := wh.Sign("msg_1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) string { return webhook.Seconds(now.Add(d)) }
	for language, program := range receivers {
		for what, c := range map[string]struct {
			id, at, signature, body string
			ok                      bool
		}{
			"genuine":        {"msg_1", at(0), signature, body, true},
			"one of two":     {"msg_1", at(0), "v1,AAAA " + signature, body, true},
			"another body":   {"msg_1", at(0), signature, body + " ", false},
			"another id":     {"msg_2", at(0), signature, body, false},
			"another time":   {"msg_1", at(time.Second), signature, body, false},
			"no signature":   {"msg_1", at(0), "", body, false},
			"only a version": {"msg_1", at(0), "v1,", body, false},
		} {
			cmd := exec.CommandContext(t.Context(), program[0], append(program[1:], c.id, c.at, c.signature)...)
			cmd.Stdin, cmd.Env = strings.NewReader(c.body), append(os.Environ(), "SECRET="+secret)
			if err := cmd.Run(); (err == nil) != c.ok {
				t.Errorf("%s, %s: %v", language, what, err)
			}
		}
	}
}
