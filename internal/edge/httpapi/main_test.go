package httpapi_test

import (
	"fmt"
	"os"
	"testing"

	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	placetest.Stop()
	if err := saveExamples(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}
