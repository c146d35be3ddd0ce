package siprec

import (
	"os"
	"testing"

	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		exit(child())
	}
	placetest.Main(m)
}
