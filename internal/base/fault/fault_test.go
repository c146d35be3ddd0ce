package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"ringfence/internal/base/fault"
)

// TestTogether: details of several layers are one fault; what is no fault of a field is given alone.
func TestTogether(t *testing.T) {
	a, b := fault.Field("a", "one"), fault.Field("b", "two")
	if err := fault.Together(nil, nil); err != nil {
		t.Fatal(err)
	}
	all := fault.Of(fault.Together(nil, a, fmt.Errorf("deeper: %w", b)))
	if all.Kind != fault.Invalid || len(all.Details) != 2 || all.Details[0].Path != "a" || all.Details[1].Path != "b" {
		t.Fatalf("%+v", all)
	}
	if len(a.Details) != 1 {
		t.Error("a fault that was given has changed")
	}
	gone := fault.New(fault.Gone, "gone")
	if err := fault.Together(a, gone); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}
