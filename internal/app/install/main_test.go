package install_test

import (
	"os"
	"testing"

	"ringfence/internal/app/server/servertest"
)

// The test's program is also a program of another release, and one that is
// killed while it sets a machine up.
func TestMain(m *testing.M) {
	if manner := mannerOf(); manner != "" {
		os.Exit(behave(manner))
	}
	servertest.RunMain(m, map[string]func(){"ringfence-init-killed": killedInit})
}
