package httpapi_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"ringfence/internal/edge/httpapi"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

func TestOpenAPI(t *testing.T) {
	const path = "../../../openapi.yaml"
	want, err := httpapi.Description()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.yaml differs from the operations: go test ./internal/edge/httpapi -run TestOpenAPI -update")
	}
}
